// What the page sees of fetch, and what we see of it.
import assert from "node:assert/strict";

import { API, COLLECTOR, FILES, blocking, failure, onPage } from "./page.js";

let page;
const on = (name, run) =>
  onPage(name, { apis: [API, { origin: FILES, exposed: ["X-Request-Id"] }], collector: COLLECTOR }, (itsPage) => run((page = itsPage)));

const fails = (...args) => assert.rejects(fetch(...args), TypeError);
const blocked = { plain: { cors_blocked: 1 }, credentials: {}, exposed_missing: 0 };

for (const { name, want, ...how } of [
  { name: "host and cors-ping answer", want: "cors_blocked" },
  { name: "nothing answers", ping: false, want: "network" },
  { name: "only the host answers", corsPing: false, want: "unknown" },
  { name: "the cors-ping is missing", corsPing: 404, want: "unknown" },
]) {
  on("verdict when " + name, async () => {
    blocking(page, how);
    await fails(API + "/orders?secret=1", { method: "PUT", headers: { "x-secret": "1" }, body: "x" });
    await fails(API + "/orders", { credentials: "include" });
    assert.deepEqual(await page.report(), { plain: { [want]: 1 }, credentials: { [want]: 1 }, exposed_missing: 0 });
  });
}

on("what the pings and the beacon look like", async () => {
  blocking(page);
  await fails(API + "/orders");
  await page.pass(60_000);
  const [ping, corsPing, beacon] = page.asked.slice(1).map(([url, init]) => [url, init]);
  for (const [[url, { signal, ...init }], name, mode] of [[ping, "ping", "no-cors"], [corsPing, "cors-ping", "cors"]]) {
    assert.equal(url, `${API}/.well-known/corsgate/${name}`);
    assert.deepEqual(init, { mode, credentials: "omit", cache: "no-store", referrerPolicy: "no-referrer" });
    assert.ok(signal.aborted, "the body of a ping is not read");
  }
  assert.deepEqual(beacon, [COLLECTOR, {
    method: "POST", mode: "no-cors", credentials: "omit", cache: "no-store", keepalive: true, referrerPolicy: "strict-origin",
    body: `{"v":1,"reports":[{"api":"${API}","plain":{"cors_blocked":1},"credentials":{},"exposed_missing":0}]}`,
  }]);
  assert.equal(new Request(...beacon).headers.get("content-type"), "text/plain;charset=UTF-8");
});

on("every readable response is the denominator, whatever its status", async () => {
  for (const status of [200, 404, 500]) {
    page.answer = () => new Response("hello", { status });
    assert.equal((await fetch(API + "/", status === 404 ? { credentials: "include" } : undefined)).status, status);
  }
  await fetch(new URL(API));
  await fetch(new Request(API + "/x", { credentials: "include" }));
  await fetch(new Request(API + "/x", { credentials: "include" }), { credentials: "omit" });
  assert.deepEqual(await page.report(), { plain: { ok: 4 }, credentials: { ok: 2 }, exposed_missing: 0 });
});

on("responses that the page asked not to read count as nothing", async () => {
  page.answer = () => ({ type: "opaque", status: 0 });
  await fetch(API + "/", { mode: "no-cors" });
  await fetch(API + "/", {});
  assert.equal(await page.report(), undefined);
});

on("headers that should be exposed", async () => {
  const answer = (status, headers) => (page.answer = () => new Response("", { status, headers }));
  answer(200, { "x-request-id": "1" });
  await fetch(FILES);
  answer(200, {});
  await fetch(FILES);
  answer(404, {});
  await fetch(FILES);
  await fetch(API);
  const [{ reports }] = (await page.pass(60_000), page.beacons());
  assert.deepEqual(reports.map((r) => [r.api, r.plain.ok, r.exposed_missing]), [[API, 1, 0], [FILES, 3, 1]]);
});

const aborted = AbortSignal.abort(failure());
const used = new Request(API, { method: "POST", body: "x" });
await used.text();
for (const [name, args] of Object.entries({
  "an abort with a TypeError for a reason": [API, { signal: aborted }],
  "an abort by the request's signal": [new Request(API, { signal: aborted })],
  "a body that was used": [used],
  "GET with a body": [API, { body: "x" }],
  "a method that cannot be": [API, { method: "a b" }],
  "a forbidden method": [API, { method: "CONNECT" }],
  "a header that cannot be": [API, { headers: { "a b": "1" } }],
  "credentials in the address": ["https://me:secret@api.acme.example/"],
  "a mode that cannot be": [API, { mode: "sometimes" }],
  "no-cors": [API, { mode: "no-cors" }],
  "same-origin": [API, { mode: "same-origin" }],
  "a redirect that is an error": [API, { redirect: "error" }],
  "a digest that is wrong": [API, { integrity: "sha256-x" }],
  "the quota of keepalive": [API, { keepalive: true, method: "POST", body: "x" }],
  "a stream over HTTP/1": [API, { duplex: "half", method: "POST", body: new ReadableStream() }],
  "the page's own origin": ["/orders"],
  "an origin that nobody watches": ["https://elsewhere.example/"],
  "no address at all": ["https://:"],
  "an object that becomes an address": [{ toString: () => API }],
})) {
  on("no candidate: " + name, async () => {
    blocking(page);
    await fails(...args);
    assert.equal(await page.report(), undefined);
    assert.deepEqual(page.pings(), []);
  });
}

on("no candidate: an AbortError", async () => {
  page.answer = () => Promise.reject(new DOMException("aborted", "AbortError"));
  await assert.rejects(fetch(API), { name: "AbortError" });
  assert.equal(await page.report(), undefined);
});

on("a candidate with a body, headers and an init object", async () => {
  blocking(page);
  await fails(new Request(API, { method: "POST", body: "x", headers: { a: "1" } }), { headers: new Map([["b", "2"]]).entries() });
  assert.deepEqual(await page.report(), blocked);
});

on("no candidate: offline", async () => {
  blocking(page, { ping: false });
  page.navigator.onLine = false;
  await fails(API);
  assert.deepEqual(page.pings(), []);
  page.navigator.onLine = true;
  assert.equal(await page.report(), undefined);
});

on("no candidate: offline while asking", async () => {
  page.answer = (url) => ((page.navigator.onLine = !url.endsWith("/ping")), Promise.reject(failure()));
  await fails(API);
  await page.settle();
  assert.deepEqual(page.pings(), [API + "/ping"]);
  assert.equal(await page.report(), undefined);
});

on("no candidate: the page is left", async () => {
  blocking(page);
  await fails(API);
  page.dispatch("pagehide");
  await fails(API);
  await fails(FILES);
  assert.equal(await page.report(), undefined);
  assert.deepEqual(page.pings(), [API + "/ping", API + "/cors-ping"]);
  page.dispatch("pageshow");
  await fails(API);
  assert.deepEqual(await page.report(), blocked);
});

on("no candidate: forbidden by the page's own policy", async () => {
  blocking(page);
  await fails(API);
  page.violate({ disposition: "enforce", blockedURI: API + "/x" });
  assert.equal(await page.report(), undefined);
  blocking(page, { ping: false });
  await fails(API);
  await page.settle(); // the browser says it late
  page.violate({ disposition: "enforce", blockedURI: API + "/x" });
  assert.equal(await page.report(), undefined);
  blocking(page);
  await fails(API);
  page.violate({ disposition: "report", blockedURI: API + "/x" });
  page.violate({ disposition: "enforce", blockedURI: "inline" });
  assert.deepEqual(await page.report(), blocked);
});

on("one check a minute and API, for all candidates of that minute", async () => {
  blocking(page);
  await Promise.all([fails(API), fails(API + "/x"), fails(FILES)]);
  await page.settle();
  await fails(API);
  assert.deepEqual(page.pings().sort(), [API + "/cors-ping", API + "/ping", FILES + "/cors-ping", FILES + "/ping"]);
  await page.pass(60_000);
  blocking(page, { ping: false });
  await fails(API);
  await page.pass(100);
  assert.deepEqual(page.pings().slice(4), [API + "/ping"]);
  await page.pass(60_000);
  assert.deepEqual(page.beacons().map((b) => b.reports.map((r) => r.plain)), [
    [{ cors_blocked: 3 }, { cors_blocked: 1 }], [{ network: 1 }],
  ]);
});

on("a host that hangs does not answer", async () => {
  page.answer = (url, method, init) => {
    if (!url.endsWith("/ping")) throw failure();
    return new Promise((_, reject) => init.signal.addEventListener("abort", () => reject(init.signal.reason)));
  };
  await fails(API);
  await page.pass(10_000);
  page.answer = () => ({ type: "opaque", status: 0 });
  assert.deepEqual(await page.report(), { plain: { network: 1 }, credentials: {}, exposed_missing: 0 });
});
