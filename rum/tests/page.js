// A page for tests: the globals that the module uses, under the test's control.
import assert from "node:assert/strict";
import { test } from "node:test";

import { start } from "../index.js";

const names = [
  "fetch", "location", "document", "navigator", "addEventListener", "removeEventListener", "XMLHttpRequest",
  "setTimeout", "clearTimeout", "performance", "Request", "AbortController", "corsgateRUM",
];

export const API = "https://api.acme.example";
export const FILES = "https://files.acme.example";
export const COLLECTOR = API + "/.well-known/corsgate/rum";

/** An error as browsers give it for everything that goes wrong on the way. */
export const failure = () => new TypeError("Failed to fetch");

const real = names.map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)]);
const realTimeout = globalThis.setTimeout;

/** The watch that runs. */
export const running = () => globalThis[Symbol.for("corsgate-rum")];

/** Runs a test on a page of its own, which a watch with these options watches. */
export function onPage(name, options, run) {
  test(name, async () => {
    const page = visit();
    const watch = start(options);
    assert.equal(watch, running(), "it does not run");
    try {
      await run(page, watch);
    } finally {
      running()?.stop(); // which need not be the first any more
      page.leave();
    }
  });
}

/** Makes a page; the test must leave() it. */
export function visit({ origin = "https://app.acme.example" } = {}) {
  const set = (name, value) => Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  const windowEvents = new EventTarget();
  const page = {
    clock: 1000,
    timers: new Map(),
    /** [url, init, this] of each request that reached the browser. */
    asked: [],
    /** What the browser answers; by default everything is well. */
    answer: () => new Response("hello"),
    document: Object.assign(new EventTarget(), { baseURI: origin + "/some/page?secret=1", currentScript: null }),
    navigator: { onLine: true },
    set,
    dispatch: (type, members = {}) => windowEvents.dispatchEvent(Object.assign(new Event(type), members)),
    violate: (members) => page.document.dispatchEvent(Object.assign(new Event("securitypolicyviolation"), members)),
    /** Lets promises settle. */
    settle: () => new Promise((done) => realTimeout(done, 0)),
    async pass(milliseconds) {
      await page.settle();
      page.clock += milliseconds;
      for (const [id, timer] of [...page.timers]) {
        if (timer.at <= page.clock && page.timers.delete(id)) timer.run();
      }
      await page.settle();
    },
    /** The reports that were sent so far. */
    beacons: () => page.asked.filter(([url]) => url === COLLECTOR).map(([, init]) => JSON.parse(init.body)),
    pings: () => page.asked.map(([url]) => String(url)).filter((url) => url.endsWith("ping")).map((url) => url.replace("/.well-known/corsgate", "")),
    /** Waits a minute and gives the only report of the only beacon. */
    async report() {
      const before = page.beacons().length;
      await page.pass(100); // a verdict of "network" takes that long
      await page.pass(60_000);
      const beacons = page.beacons().slice(before);
      if (beacons.length === 0) return undefined;
      if (beacons.length > 1 || beacons[0].reports.length > 1) throw new Error("more than one: " + JSON.stringify(beacons));
      const [{ api, ...rest }] = beacons[0].reports;
      return rest;
    },
    leave() {
      for (const [name, descriptor] of real) {
        if (descriptor) Object.defineProperty(globalThis, name, descriptor);
        else delete globalThis[name];
      }
    },
  };
  let last = 0;
  page.browserFetch = function (url, init) {
    page.asked.push([url, init, this]);
    const method = init?.method ?? "GET";
    return new Promise((done) => done(page.answer(String(url?.url ?? url), method, init)));
  };
  set("fetch", page.browserFetch);
  set("location", new URL(page.document.baseURI));
  set("document", page.document);
  set("navigator", page.navigator);
  set("addEventListener", windowEvents.addEventListener.bind(windowEvents));
  set("removeEventListener", windowEvents.removeEventListener.bind(windowEvents));
  set("performance", { now: () => page.clock });
  set("setTimeout", (run, ms) => (page.timers.set(++last, { run, at: page.clock + ms }), last));
  set("clearTimeout", (id) => page.timers.delete(id));
  set("XMLHttpRequest", fakeXHR(page));
  return page;
}

/** Answers requests to the API by failing, and the pings as told. */
export function blocking(page, { ping = true, corsPing = true } = {}) {
  page.answer = (url) => {
    if (url.endsWith("/cors-ping")) {
      if (corsPing === true) return new Response(null, { status: 204 });
      if (corsPing) return new Response("", { status: corsPing });
      throw failure();
    }
    if (url.endsWith("/ping")) {
      if (ping) return { type: "opaque", status: 0, ok: false, headers: new Headers() };
      throw failure();
    }
    if (url === COLLECTOR) return { type: "opaque", status: 0 };
    throw failure();
  };
}

/** XMLHttpRequest as far as the module knows it. end() lets the page of the test decide how a request ends. */
function fakeXHR(page) {
  return class XMLHttpRequest extends EventTarget {
    status = 0;
    withCredentials = false;
    sent = [];
    listeners = 0;
    headers = "content-type: text/plain\r\n";
    open(...args) {
      if (args[0] === "TRACE") throw new Error("SecurityError");
      this.opened = args;
      this.status = 0;
    }
    send(...args) {
      this.sent.push(args);
      return "sent";
    }
    addEventListener(type, ...rest) {
      this.listeners++;
      super.addEventListener(type, ...rest);
    }
    removeEventListener(type, ...rest) {
      this.listeners--;
      super.removeEventListener(type, ...rest);
    }
    getAllResponseHeaders() {
      return this.headers;
    }
    getResponseHeader() {
      throw new Error("browsers complain about headers that the page may not see");
    }
    end(type, status = 0) {
      this.status = status;
      this.dispatchEvent(new Event(type));
    }
  };
}
