// The page must not notice that it is watched.
import assert from "node:assert/strict";

import { start } from "../index.js";
import { API, COLLECTOR, blocking, failure, onPage } from "./page.js";

let page, watch;
const options = { apis: [API], collector: COLLECTOR };
const on = (name, run) => onPage(name, options, (...its) => (([page, watch] = its), run()));

/** Watches another fetch than the page's usual one. */
function rewatch(browserFetch) {
  watch.stop();
  globalThis.fetch = browserFetch;
  watch = start(options);
}

on("requests elsewhere get the browser's own promise", async () => {
  const promises = [];
  rewatch(function () {
    return promises[promises.push(page.browserFetch.apply(this, arguments)) - 1];
  });
  for (const url of ["/mine", "https://elsewhere.example/", new URL("https://elsewhere.example/"), undefined, {}]) {
    assert.equal(fetch(url), promises.at(-1));
  }
  assert.notEqual(fetch(API), promises.at(-1));
});

on("the browser gets the very arguments, and as many", async () => {
  const init = Object.freeze({ method: "POST", body: new Blob(["x"]), headers: [["a", "1"]], signal: new AbortController().signal });
  const request = new Request(API, { method: "POST", body: "x" });
  const seen = [];
  rewatch(function (...args) {
    seen.push([this, ...args]);
    return Promise.resolve(new Response(""));
  });
  const self = {};
  await fetch.call(self, API, init);
  await fetch.call(self, request);
  await fetch(API, undefined, "more");
  assert.deepEqual(seen.map((args) => args.length), [3, 2, 4]);
  assert.ok(seen[0][0] === self && seen[0][1] === API && seen[0][2] === init && seen[1][1] === request);
  assert.equal(request.bodyUsed, false);
});

on("an init is read once more only after the browser has", async () => {
  let reads = 0;
  const init = { get method() { return ["PUT", "x"][reads++] ?? "x"; }, body: "x" };
  page.answer = (url, method) => new Response(method);
  assert.equal(await (await fetch(API, init)).text(), "PUT");
});

on("the same response, unread", async () => {
  const response = new Response("hello");
  page.answer = () => response;
  const got = await fetch(API);
  assert.equal(got, response);
  assert.equal(got.bodyUsed, false);
  assert.equal(await got.text(), "hello");
});

on("the same error", async () => {
  for (const error of [failure(), new DOMException("x", "AbortError"), "a string", undefined, Object.freeze({})]) {
    page.answer = () => Promise.reject(error);
    const got = await fetch(API).then(() => assert.fail("it is fulfilled"), (e) => e);
    assert.equal(got, error);
  }
});

on("an exception of fetch itself", () => {
  rewatch(() => {
    throw new RangeError("a polyfill");
  });
  assert.throws(() => fetch(API), RangeError);
});

on("what is no promise passes", () => {
  rewatch(() => "no promise");
  assert.equal(fetch(API), "no promise");
});

on("in the same task", async () => {
  for (const answer of [() => new Response(""), () => Promise.reject(failure())]) {
    const order = [];
    let settle;
    page.answer = () => new Promise((done) => (settle = () => done(answer())));
    const promise = fetch(API).then(() => order.push("settled"), () => order.push("settled"));
    setImmediate(() => {
      settle();
      setImmediate(() => order.push("next task"));
    });
    await promise;
    await new Promise((done) => setImmediate(() => setImmediate(done)));
    assert.deepEqual(order, ["settled", "next task"]);
  }
});

on("a rejection that nobody handles is still told, and one that somebody handles is not", async () => {
  const told = [];
  const listener = (reason) => told.push(reason);
  const others = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
  process.on("unhandledRejection", listener);
  try {
    blocking(page);
    const error = failure();
    const answer = page.answer;
    page.answer = (url) => (url === API + "/alone" ? Promise.reject(error) : answer(url));
    fetch(API + "/alone");
    await page.settle();
    assert.deepEqual(told, [error]);
    await fetch(API + "/handled").catch(() => {});
    await page.pass(60_000);
    assert.equal(told.length, 1);
  } finally {
    process.off("unhandledRejection", listener);
    for (const other of others) process.on("unhandledRejection", other);
  }
});

on("functions look like the browser's", () => {
  assert.deepEqual([fetch.name, fetch.length, "prototype" in fetch], ["fetch", 1, false]);
  const { open, send } = XMLHttpRequest.prototype;
  assert.deepEqual([open.name, open.length, send.name, send.length], ["open", 2, "send", 0]);
});

on("a page whose globals are broken is served all the same", async () => {
  for (const [name, value] of [["Request", 7], ["document", { get baseURI() { throw new Error("no"); } }], ["URL", undefined], ["performance", null], ["navigator", null], ["setTimeout", null], ["AbortController", null]]) {
    const intact = Object.getOwnPropertyDescriptor(globalThis, name);
    page.set(name, value);
    try {
      page.answer = () => new Response("hello");
      assert.equal(await (await fetch(API)).text(), "hello", name);
      const error = failure();
      page.answer = () => Promise.reject(error);
      assert.equal(await fetch(API).catch((e) => e), error, name);
      const xhr = new XMLHttpRequest();
      xhr.open("GET", API);
      assert.equal(xhr.send(), "sent", name);
      xhr.end("error");
      await page.settle();
    } finally {
      Object.defineProperty(globalThis, name, intact);
    }
  }
});

on("stop restores", async () => {
  const { open, send } = XMLHttpRequest.prototype;
  watch.stop();
  assert.equal(fetch, page.browserFetch);
  assert.notEqual(XMLHttpRequest.prototype.open, open);
  assert.notEqual(XMLHttpRequest.prototype.send, send);
  watch.stop();
});

on("stop leaves alone what others put around it, and does nothing any more", async () => {
  const ours = fetch;
  globalThis.fetch = (...args) => ours(...args);
  const theirs = fetch;
  await fetch(API);
  blocking(page);
  await fetch(API).catch(() => {});
  watch.stop();
  assert.equal(fetch, theirs);
  await fetch(API).catch(() => {});
  await page.pass(120_000);
  page.dispatch("pagehide");
  assert.deepEqual(page.beacons(), []);
  assert.equal(page.timers.size, 0);
});
