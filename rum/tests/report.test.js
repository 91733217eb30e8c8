// Beacons, and how a watch starts.
import assert from "node:assert/strict";
import { test } from "node:test";

import { start } from "../index.js";
import { API, COLLECTOR, FILES, blocking, onPage, running, visit } from "./page.js";

let page;
const on = (name, options, run) =>
  onPage(name, { apis: [API, FILES], collector: COLLECTOR, ...options }, (itsPage, watch) => run((page = itsPage), watch));

const times = async (n, url) => {
  for (let i = 0; i < n; i++) await fetch(url).catch(() => {});
};

on("a beacon a minute, and nothing when there is nothing to say", {}, async () => {
  await page.pass(600_000);
  assert.deepEqual(page.beacons(), []);
  await times(3, API);
  await page.pass(59_999);
  assert.deepEqual(page.beacons(), []);
  await times(2, FILES);
  await page.pass(1);
  await times(1, API);
  await page.pass(59_999);
  assert.equal(page.beacons().length, 1);
  await page.pass(1);
  const said = page.beacons().map((b) => b.reports.map((r) => [r.api, r.plain.ok]));
  assert.deepEqual(said, [[[API, 3], [FILES, 2]], [[API, 1]]]);
});

on("one more when the page is left", { key: "site-1" }, async () => {
  await times(1, API);
  await page.settle();
  page.dispatch("pagehide");
  assert.equal(page.beacons().length, 1);
  page.dispatch("pagehide");
  await page.pass(60_000);
  assert.equal(page.beacons().length, 1);
  assert.equal(page.beacons()[0].key, "site-1");
});

on("the collector may be away", {}, async () => {
  blocking(page);
  const answer = page.answer;
  page.answer = (url) => (url === COLLECTOR ? Promise.reject(new TypeError("Failed to fetch")) : answer(url));
  await times(1, API);
  await page.pass(60_000);
  await times(1, API);
  await page.pass(60_000);
  assert.equal(page.beacons().length, 2); // and what is lost is lost
});

on("numbers end where the collector's do", {}, async () => {
  await times(1002, API);
  assert.deepEqual((await page.report()).plain, { ok: 1000 });
});

const long = Array.from({ length: 8 }, (_, i) => `https://${i}.${"x".repeat(60)}.${"y".repeat(60)}.${"z".repeat(60)}.${"w".repeat(55)}:12345`);

on("what does not fit waits for the next beacon", { apis: long, key: "k".repeat(64) }, async () => {
  for (const api of long) await times(1, api);
  await page.pass(60_000);
  assert.equal(page.beacons().length, 1);
  for (let i = 0; i < 4; i++) await page.pass(60_000);
  const bodies = page.asked.filter(([url]) => url === COLLECTOR).map(([, init]) => init.body);
  assert.ok(bodies.every((body) => body.length <= 2048), `bodies of ${bodies.map((body) => body.length)} bytes`);
  const told = page.beacons().flatMap((b) => b.reports.map((r) => r.api));
  assert.deepEqual(told, long);
});

on("a beacon says nothing of the page or its requests", {}, async () => {
  blocking(page);
  await fetch(API + "/secret?secret=1#secret", { method: "DELETE", headers: { "x-secret": "secret" }, credentials: "include" }).catch(() => {});
  await page.pass(60_000);
  const [{ v, reports: [report] }] = page.beacons();
  assert.deepEqual({ v, report }, { v: 1, report: { api: API, plain: {}, credentials: { cors_blocked: 1 }, exposed_missing: 0 } });
  assert.deepEqual(page.asked.slice(1).filter(([url, init]) => JSON.stringify([url, init]).includes("secret")), []);
});

on("a second start gives the watch that runs", {}, async (_, watch) => {
  assert.equal(start({ apis: ["https://else.example"], collector: COLLECTOR }), watch);
  const again = await import("../index.js?again");
  assert.equal(again.start({ apis: [API], collector: COLLECTOR }), watch);
  watch.stop();
  const next = start({ apis: [API], collector: COLLECTOR });
  assert.notEqual(next, watch);
  assert.equal(next, running());
});

/** What start does with options on a fresh page: whether fetch is wrapped, and the warnings. */
function tryStart(options, prepare = () => {}) {
  const page = visit();
  const warn = console.warn;
  const warnings = [];
  console.warn = (text) => warnings.push(text);
  try {
    prepare(page);
    const watch = start(options);
    const runs = fetch !== page.browserFetch;
    const wrapped = XMLHttpRequest?.prototype.open.length === 2;
    watch.stop();
    watch.stop();
    assert.equal(fetch, page.browserFetch);
    return { runs, wrapped, warnings };
  } finally {
    console.warn = warn;
    page.leave();
  }
}

test("what cannot be meant is said on the console, and the page goes on", () => {
  const good = { apis: [API], collector: COLLECTOR };
  const cases = [
    [undefined, /Cannot destructure|undefined/],
    [{ ...good, apis: API }, /apis must be a list/],
    [{ ...good, apis: Array(9).fill(API) }, /at most 8/],
    [{ ...good, apis: ["ftp://api.acme.example"] }, /no web address/],
    [{ ...good, apis: [{ origin: API, exposed: "x" }] }, /exposed must be a list/],
    [{ ...good, apis: ["https://"] }, /Invalid URL/],
    [{ ...good, collector: "javascript:alert(1)" }, /no web address/],
    [{ ...good, key: "a b" }, /key must be/],
    [{ ...good, sample: 2 }, /sample must be/],
    [{ ...good, sample: NaN }, /sample must be/],
    [{ ...good, colector: COLLECTOR }, /no option "colector"/],
  ];
  for (const [options, want] of cases) {
    const { runs, wrapped, warnings } = tryStart(options);
    assert.equal(runs || wrapped, false, String(want));
    assert.equal(warnings.length, 1);
    assert.match(warnings[0], want);
  }
});

test("a watch runs", () => {
  assert.deepEqual(tryStart({ apis: [API], collector: "/.well-known/corsgate/rum" }), { runs: true, wrapped: true, warnings: [] });
});

test("nothing to watch, nothing to sample, nothing to work with", () => {
  const quiet = { runs: false, wrapped: false, warnings: [] };
  assert.deepEqual(tryStart({ apis: [], collector: COLLECTOR }), quiet);
  assert.deepEqual(tryStart({ apis: ["/"], collector: COLLECTOR }), quiet, "the page's own origin");
  assert.deepEqual(tryStart({ apis: [API], collector: COLLECTOR, sample: 0 }), quiet);
  assert.deepEqual(tryStart({ apis: [API], collector: COLLECTOR }, (page) => page.set("AbortController", undefined)), quiet);
});

test("a page that can be watched in half is not watched", () => {
  const freeze = () => Object.freeze(XMLHttpRequest.prototype);
  const { runs, wrapped, warnings } = tryStart({ apis: [API], collector: COLLECTOR }, freeze);
  assert.deepEqual([runs, wrapped, warnings.length], [false, false, 1]);
});

test("a share of the page loads", () => {
  const random = Math.random;
  try {
    for (const [value, runs] of [[0.09, true], [0.1, false], [0.9, false]]) {
      Math.random = () => value;
      assert.equal(tryStart({ apis: [API], collector: COLLECTOR, sample: 0.1 }).runs, runs);
    }
  } finally {
    Math.random = random;
  }
});
