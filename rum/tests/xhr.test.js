// XMLHttpRequest: what the page sees, and what we see.
import assert from "node:assert/strict";

import { API, COLLECTOR, FILES, blocking, onPage } from "./page.js";

let page;
const on = (name, run) =>
  onPage(name, { apis: [API, { origin: FILES, exposed: ["X-Request-Id"] }], collector: COLLECTOR }, (itsPage) => run((page = itsPage)));

/** Sends a request and lets it end. */
function request({ url = API + "/orders", type, status, credentials = false, args = [] }) {
  const xhr = new XMLHttpRequest();
  xhr.open("GET", url, ...args);
  xhr.withCredentials = credentials;
  xhr.send("body");
  if (type) xhr.end(type, status);
  return xhr;
}

on("an error is judged as with fetch", async () => {
  blocking(page);
  request({ type: "error" });
  request({ type: "error", credentials: true });
  request({ type: "error", args: [true] });
  request({ url: new URL(API), type: "error" });
  assert.deepEqual(await page.report(), { plain: { cors_blocked: 3 }, credentials: { cors_blocked: 1 }, exposed_missing: 0 });
});

on("every response is the denominator", async () => {
  for (const status of [200, 404, 500]) request({ type: "load", status });
  request({ type: "load", status: 200, credentials: true });
  assert.deepEqual(await page.report(), { plain: { ok: 3 }, credentials: { ok: 1 }, exposed_missing: 0 });
});

on("what ends otherwise counts as nothing", async () => {
  blocking(page);
  request({ type: "abort" });
  request({ type: "timeout" });
  request({ type: "load", status: 0 });
  request({});
  request({ type: "error", args: [false] });
  request({ type: "error", args: [undefined] });
  request({ url: "/orders", type: "error" });
  request({ url: "https://elsewhere.example/", type: "error" });
  assert.equal(await page.report(), undefined);
  assert.deepEqual(page.pings(), []);
});

on("headers that should be exposed", async () => {
  for (const headers of ["X-Request-ID: 1\r\na: b\r\n", "a: x-request-id\r\n", ""]) {
    const xhr = request({ url: FILES });
    xhr.headers = headers;
    xhr.end("load", 200);
  }
  request({ url: FILES, type: "load", status: 404 });
  assert.deepEqual(await page.report(), { plain: { ok: 4 }, credentials: {}, exposed_missing: 2 });
});

on("arguments, results and exceptions are the browser's, and no listener stays", () => {
  const xhr = new XMLHttpRequest();
  assert.equal(xhr.open("PUT", API, true, "me", "secret"), undefined);
  assert.deepEqual(xhr.opened, ["PUT", API, true, "me", "secret"]);
  assert.equal(xhr.send("body", "more"), "sent");
  assert.deepEqual(xhr.sent, [["body", "more"]]);
  assert.equal(xhr.listeners, 4);
  xhr.end("load", 200);
  assert.equal(xhr.listeners, 0);
  assert.throws(() => xhr.open("TRACE", API), /SecurityError/);
  assert.throws(() => XMLHttpRequest.prototype.open.call(Object.freeze({}), "GET", API), TypeError);
});

on("an object that is used again is a new request", async () => {
  const xhr = new XMLHttpRequest();
  xhr.open("GET", API);
  xhr.send();
  xhr.open("GET", API); // ends the first without an event
  xhr.withCredentials = true;
  xhr.send();
  xhr.send(); // the browser would throw
  xhr.end("load", 200);
  xhr.end("load", 200);
  xhr.open("GET", API);
  xhr.open("GET", "/mine");
  xhr.send();
  xhr.end("load", 200);
  assert.deepEqual(await page.report(), { plain: {}, credentials: { ok: 1 }, exposed_missing: 0 });
});
