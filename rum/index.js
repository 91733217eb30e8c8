/*
 * corsgate-rum: tells requests that CORS blocked from requests that the network lost, and reports
 * both as bare numbers. See README.md.
 *
 * What the page does comes first: the browser is asked before we look, what we do is wrapped so that
 * nothing of it can throw into the page, and requests to other origins are not touched at all.
 */

const MINUTE = 60_000;
const PING_TIMEOUT = 10_000;
const SETTLE = 100;
const MAX_APIS = 8;
const WELL_KNOWN = "/.well-known/corsgate/";
// What the collector accepts (internal/rum/report.go).
const VERSION = 1;
const MAX_BODY = 2048;
const MAX_COUNT = 1000;
const KEY = /^[A-Za-z0-9._-]{1,64}$/;
const OPTIONS = ["apis", "collector", "key", "sample"];

// Where a page keeps the one watch that it has, also when this module is loaded twice.
const RUNNING = Symbol.for("corsgate-rum");
const NOTHING = Object.freeze({ stop() {} });

/** Starts to watch; see index.d.ts. It never throws: a page must not break for being watched. */
export function start(options) {
  try {
    if (globalThis[RUNNING]) return globalThis[RUNNING];
    const config = read(options);
    if (!supported() || config.apis.length === 0 || Math.random() >= config.sample) return NOTHING;
    const watch = observe(config);
    Object.defineProperty(globalThis, RUNNING, { value: watch, configurable: true });
    return watch;
  } catch (error) {
    quietly(() => console.warn("corsgate-rum does not run: " + error.message));
    return NOTHING;
  }
}

function supported() {
  return ["fetch", "Request", "AbortController", "addEventListener"].every((name) => typeof globalThis[name] === "function");
}

/** Checks options and gives them their defaults. */
function read(options) {
  const { apis, collector, key, sample = 1, ...unknown } = options;
  const [wrong] = Object.keys(unknown);
  if (wrong !== undefined) throw new Error(`there is no option "${wrong}", only ${OPTIONS.join(", ")}`);
  if (!Array.isArray(apis) || apis.length > MAX_APIS) throw new Error(`apis must be a list of at most ${MAX_APIS} origins`);
  if (key !== undefined && !KEY.test(key)) throw new Error("key must be 1 to 64 letters, digits, '.', '_' or '-'");
  if (typeof sample !== "number" || !(sample >= 0 && sample <= 1)) throw new Error("sample must be a number from 0 to 1");
  return { apis: apis.map(readAPI).filter((api) => api.origin !== location.origin), collector: web(collector).href, key, sample };
}

function readAPI(entry) {
  const { origin, exposed = [] } = typeof entry === "string" ? { origin: entry } : entry;
  if (!Array.isArray(exposed)) throw new Error("exposed must be a list of header names");
  return { origin: web(origin).origin, exposed: exposed.map((name) => String(name).toLowerCase()), check: null, forbiddenAt: -Infinity, ...nothing() };
}

/** What there is to report of an API. */
function nothing() {
  return { plain: {}, credentials: {}, missing: 0, changed: false };
}

function web(address) {
  const url = new URL(address, baseURI());
  if (url.protocol !== "https:" && url.protocol !== "http:") throw new Error(`${address} is no web address`);
  return url;
}

const baseURI = () => globalThis.document?.baseURI ?? location.href;
const now = () => performance.now();
const offline = () => globalThis.navigator?.onLine === false;

/** Runs what is ours. What goes wrong in it is nobody's concern. */
function quietly(work) {
  try {
    return work();
  } catch {
    return undefined;
  }
}

function observe(config) {
  const apis = new Map(config.apis.map((api) => [api.origin, api]));
  const browserFetch = globalThis.fetch;
  const ask = (url, init) => Reflect.apply(browserFetch, globalThis, [url, init]);
  const reporter = report(config, apis, ask);
  const state = { active: true, leaving: false };

  const watch = {
    /** The API of an address, which is undefined for anything else than a string or a URL. */
    api(address) {
      const text = typeof address === "string" ? address : address instanceof URL ? address.href : undefined;
      return state.active && text !== undefined ? apis.get(new URL(text, baseURI()).origin) : undefined;
    },
    /** The page could read a response. has tells whether it sees a header. */
    readable(api, credentials, status, has) {
      const missing = status >= 200 && status < 300 && api.exposed.some((name) => !has(name));
      if (state.active) reporter.add(api, credentials, "ok", missing);
    },
    /** A request failed as one does that CORS blocked. */
    failed(api, credentials) {
      const at = now();
      if (!state.active || state.leaving || offline()) return;
      if (api.check === null || at - api.check.at >= MINUTE) api.check = { at, verdict: judge(api, ask) };
      api.check.verdict.then((verdict) => {
        // Leaving a page ends its requests, and a content security policy forbids them; neither is CORS.
        const ours = !state.active || state.leaving || api.forbiddenAt >= at - 1000;
        if (verdict !== undefined && !ours) quietly(() => reporter.add(api, credentials, verdict, false));
      });
    },
  };

  const undo = [];
  const listen = (target, type, listener) => {
    target?.addEventListener(type, listener);
    undo.push(() => target?.removeEventListener(type, listener));
  };
  function stop() {
    if (!state.active) return;
    state.active = false;
    delete globalThis[RUNNING];
    reporter.stop();
    for (const step of undo) quietly(step);
  }
  try {
    undo.push(wrapFetch(watch, browserFetch));
    undo.push(wrapXHR(watch));
    listen(globalThis, "pagehide", () => {
      state.leaving = true;
      quietly(reporter.send);
    });
    listen(globalThis, "pageshow", () => (state.leaving = false)); // back from the cache of pages
    listen(globalThis.document, "securitypolicyviolation", (event) =>
      quietly(() => {
        const api = event.disposition === "enforce" ? watch.api(event.blockedURI) : undefined;
        if (api) api.forbiddenAt = now();
      }),
    );
  } catch (error) {
    stop(); // a page that can be watched in half is not watched
    throw error;
  }
  return { stop };
}

/**
 * Replaces fetch. A request to an API gets a promise that settles like the browser's, one microtask
 * later. Listening to the browser's own promise instead would hide from the page that nobody
 * handles its rejection.
 */
function wrapFetch(watch, browserFetch) {
  /** What can be seen only before the browser takes the request; undefined when it is not for an API. */
  function look(input) {
    const request = input instanceof Request ? input : undefined;
    const api = watch.api(request ? request.url : input);
    return api && { api, request, used: request?.bodyUsed };
  }
  // Methods, like the browser's functions, are no constructors.
  const { fetch } = {
    fetch(input) {
      const to = quietly(() => look(input));
      const promise = Reflect.apply(browserFetch, this, arguments);
      // The rest is read after the browser has: it may be readable only once.
      const init = arguments[1];
      const seen = to && quietly(() => describe(to.request, init));
      if (!seen?.judged || typeof promise?.then !== "function") return promise;
      return promise.then(
        (response) => {
          quietly(() => {
            if (!["basic", "cors", "default"].includes(response.type)) return; // hidden by request
            watch.readable(to.api, seen.credentials, response.status, (name) => response.headers.has(name));
          });
          return response;
        },
        (error) => {
          quietly(() => {
            if (error?.name !== "TypeError" || seen.signal?.aborted || to.used || !wellFormed(to.request, input, init, seen)) return;
            watch.failed(to.api, seen.credentials);
          });
          throw error;
        },
      );
    },
  };
  globalThis.fetch = fetch;
  return () => {
    if (globalThis.fetch === fetch) globalThis.fetch = browserFetch;
  };
}

/** What of a request decides whether its outcome says something about CORS. */
function describe(request, init) {
  const get = (name) => (init?.[name] !== undefined ? init[name] : request?.[name]);
  const method = String(get("method") ?? "GET").toUpperCase();
  const simple = method === "GET" || method === "HEAD";
  return {
    method,
    simple,
    credentials: get("credentials") === "include",
    signal: get("signal"),
    // These fail for reasons of their own, with the same error: a redirect, a digest, the quota of
    // requests that outlive a page, streams over HTTP/1.
    judged:
      (get("mode") ?? "cors") === "cors" && (get("redirect") ?? "follow") === "follow" && !get("integrity") &&
      (simple || !get("keepalive")) && init?.duplex === undefined,
  };
}

/** Whether the browser could send the request at all: mistakes of the page are TypeErrors, too. */
function wellFormed(request, input, init, seen) {
  if (seen.simple && init?.body != null) return false;
  const { method, headers, mode, credentials, cache, referrer, referrerPolicy, keepalive } = init ?? {};
  try {
    new Request(request ? request.url : input, { method, headers, mode, credentials, cache, referrer, referrerPolicy, keepalive });
    return true;
  } catch {
    return false;
  }
}

/** Replaces open and send of XMLHttpRequest. Synchronous requests are left alone. */
function wrapXHR(watch) {
  const prototype = globalThis.XMLHttpRequest?.prototype;
  if (!prototype) return () => {};
  const { open: browserOpen, send: browserSend } = prototype;
  const opened = new WeakMap();
  const ends = ["load", "error", "abort", "timeout"];

  function follow(xhr, seen) {
    seen.credentials = xhr.withCredentials;
    const ended = (event) =>
      quietly(() => {
        for (const type of ends) xhr.removeEventListener(type, ended);
        if (opened.get(xhr) !== seen) return; // it was opened again
        opened.delete(xhr);
        if (event.type === "error" && xhr.status === 0) watch.failed(seen.api, seen.credentials);
        if (event.type === "load" && xhr.status !== 0) watch.readable(seen.api, seen.credentials, xhr.status, headersOf(xhr));
      });
    for (const type of ends) xhr.addEventListener(type, ended);
  }
  const { open, send } = {
    open(method, url) {
      const result = Reflect.apply(browserOpen, this, arguments);
      const synchronous = arguments.length > 2 && !arguments[2];
      quietly(() => {
        const api = synchronous ? undefined : watch.api(url);
        if (api) opened.set(this, { api });
        else opened.delete(this);
      });
      return result;
    },
    send() {
      quietly(() => {
        const seen = opened.get(this);
        if (seen) follow(this, seen);
      });
      return Reflect.apply(browserSend, this, arguments);
    },
  };
  Object.assign(prototype, { open, send });
  return () => {
    if (prototype.open === open) prototype.open = browserOpen;
    if (prototype.send === send) prototype.send = browserSend;
  };
}

/** Tells which headers the page sees. getResponseHeader would complain on the console of those it does not. */
function headersOf(xhr) {
  const names = xhr.getAllResponseHeaders().split("\r\n").map((line) => line.slice(0, line.indexOf(":")).toLowerCase());
  return (name) => names.includes(name);
}

/** Finds out why requests to an API fail; undefined when that cannot be told. */
async function judge(api, ask) {
  if (!(await ping(api.origin + WELL_KNOWN + "ping", "no-cors", ask))) {
    // Browsers say a moment later that a policy of the page forbade it, or that there is no network.
    await new Promise((done) => setTimeout(done, SETTLE));
    return offline() ? undefined : "network";
  }
  return (await ping(api.origin + WELL_KNOWN + "cors-ping", "cors", ask)) ? "cors_blocked" : "unknown";
}

/** Whether an answer came; in cors mode, whether it was a good one and readable. */
async function ping(url, mode, ask) {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), PING_TIMEOUT);
  try {
    const init = { mode, credentials: "omit", cache: "no-store", referrerPolicy: "no-referrer", signal: controller.signal };
    const response = await ask(url, init);
    return mode === "no-cors" || response.ok;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
    controller.abort(); // nobody reads the body
  }
}

/** Collects numbers and sends them a minute after the first. */
function report(config, apis, ask) {
  let timer;
  const increase = (counts, name) => (counts[name] = Math.min(MAX_COUNT, (counts[name] ?? 0) + 1));

  /** What is to be said, as much of it as fits; the rest stays. */
  function take() {
    const beacon = { v: VERSION, key: config.key, reports: [] };
    for (const api of apis.values()) {
      if (!api.changed) continue;
      beacon.reports.push({ api: api.origin, plain: api.plain, credentials: api.credentials, exposed_missing: api.missing });
      if (JSON.stringify(beacon).length > MAX_BODY) {
        beacon.reports.pop();
        timer = setTimeout(() => quietly(send), MINUTE);
        break;
      }
      Object.assign(api, nothing());
    }
    return beacon.reports.length > 0 ? JSON.stringify(beacon) : "";
  }
  function send() {
    clearTimeout(timer);
    timer = undefined;
    const body = take();
    if (body === "") return;
    // A string makes it text/plain: no preflight. strict-origin, because with less the browser
    // sends "Origin: null", by which no report can be believed.
    ask(config.collector, {
      method: "POST", mode: "no-cors", credentials: "omit", cache: "no-store", keepalive: true, referrerPolicy: "strict-origin", body,
    }).catch(() => {});
  }
  return {
    add(api, credentials, verdict, missing) {
      increase(credentials ? api.credentials : api.plain, verdict);
      if (missing) api.missing = Math.min(MAX_COUNT, api.missing + 1);
      api.changed = true;
      timer ??= setTimeout(() => quietly(send), MINUTE);
    },
    send,
    stop: () => clearTimeout(timer),
  };
}
