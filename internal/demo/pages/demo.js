// The demo page: makes each fetch of rows.js, shows what it could read, and asks its
// own server for the reason, which a page cannot see.
//
// Tests read window.corsgateDemo, an array of {name, expected, got, ok, reason, ...}, and
// window.corsgateDemoState: ran is the revision of the tenants file that it was made with.
import { rows } from "./rows.js";

const state = (window.corsgateDemoState = { ran: 0, running: false, revision: 0 });
window.corsgateDemo = [];

const element = (id) => document.getElementById(id);
const sleep = (ms) => new Promise((wake) => setTimeout(wake, ms));
const config = await (await fetch("config")).json();

/** A number no other fetch of this demo has, so that its log lines can be found. */
const freshID = () => crypto.randomUUID();

/** Makes one fetch and says what the page could do with the answer. */
async function attempt(row, id) {
  const url = `${config.api}${row.path}?demo=${id}`;
  try {
    if (row.twice) await fetchHere(`${config.api}${row.path}`, row.init).catch(() => null);
    const answer = row.frame ? await fetchInFrame(url, id) : await fetchHere(url, row.init);
    return { ...row.read(answer), status: answer.status };
  } catch (error) {
    return { got: "blocked", detail: String(error) };
  }
}

async function fetchHere(url, init) {
  const response = await fetch(url, { cache: "no-store", ...init });
  return { status: response.status, body: await response.text(), header: (name) => response.headers.get(name) };
}

function fetchInFrame(url, id) {
  const frame = document.createElement("iframe");
  frame.sandbox = "allow-scripts";
  frame.hidden = true;
  frame.src = "frame.html";
  return new Promise((resolve, reject) => {
    const receive = ({ source, data }) => {
      if (source !== frame.contentWindow || data.id !== id) return;
      removeEventListener("message", receive);
      frame.remove();
      if (data.error) reject(data.error);
      else resolve(data);
    };
    addEventListener("message", receive);
    frame.onload = () => frame.contentWindow.postMessage({ id, url }, "*");
    document.body.append(frame);
  });
}

/** The decisions made for id: all of them once the deciding one is in the log, else null. */
function settled(decisions, id) {
  const mine = decisions.filter((d) => d.id === id);
  const last = mine.at(-1);
  return last && (last.phase !== "preflight" || last.decision !== "allowed") ? mine : null;
}

async function decisionsOf(ids) {
  const found = new Map();
  for (let tries = 0; tries < 40 && found.size < ids.length; tries++) {
    const all = await (await fetch("decisions", { cache: "no-store" })).json();
    for (const id of ids) {
      const mine = settled(all, id);
      if (mine) found.set(id, mine);
    }
    if (found.size < ids.length) await sleep(100);
  }
  return found;
}

/** Runs every fetch once and publishes the results. */
async function run() {
  if (state.running) return;
  state.running = true;
  const revision = state.revision;
  element("again").disabled = true;
  const ids = rows.map(freshID);
  const outcomes = [];
  for (const [i, row] of rows.entries()) outcomes.push(await attempt(row, ids[i]));
  const decisions = await decisionsOf(ids);
  window.corsgateDemo = rows.map((row, i) => {
    const { got, detail, status } = outcomes[i];
    const mine = decisions.get(ids[i]) ?? [];
    const expected = row.expected[config.role];
    return { name: row.name, expected, got, ok: got === expected, reason: mine.at(-1)?.reason ?? "", detail, status, decisions: mine };
  });
  rows.forEach((row, i) => show(row, window.corsgateDemo[i]));
  summarise(window.corsgateDemo);
  state.ran = revision;
  state.running = false;
  element("again").disabled = false;
}

function make(tag, className, ...children) {
  const node = document.createElement(tag);
  node.className = className;
  node.append(...children);
  return node;
}

/** Fills the row of one fetch; without a result it shows what is about to happen. */
function show(row, result) {
  const what = make("td", "what", make("strong", "", row.title), make("code", "request", row.request));
  const cells = [what, make("td", "verdict"), make("td", "detail"), make("td", "why")];
  if (result) {
    cells[1].append(make("span", `pill ${result.got}`, result.got === "read" ? "readable" : "not readable"));
    if (!result.ok) cells[1].append(make("span", "changed", result.expected === "read" ? "as shipped: readable" : "as shipped: not readable"));
    cells[2].append(result.detail);
    for (const d of result.decisions) {
      cells[3].append(make("div", "decision", make("b", d.decision, `${d.phase} ${d.decision}`), " ", make("code", "", d.reason)));
    }
    if (result.decisions.length === 0) cells[3].append("no log line yet");
  }
  const line = make("tr", "", ...cells);
  line.id = `row-${row.name}`;
  const old = element(line.id);
  if (old) old.replaceWith(line);
  else element("rows").append(line);
}

function summarise(results) {
  const asShipped = results.filter((r) => r.ok).length;
  const read = results.filter((r) => r.got === "read").length;
  element("summary").textContent =
    `${read} readable, ${results.length - read} not · ` +
    (asShipped === results.length ? "all as shipped" : `${results.length - asShipped} changed since the demo started`);
  element("summary").classList.toggle("differs", asShipped !== results.length);
}

function showDocument(doc) {
  element("path").textContent = doc.path;
  element("command").textContent = doc.command;
  element("applied").hidden = !doc.command;
  element("saved").hidden = !!doc.command;
  element("document").textContent = doc.content;
  element("problem").textContent = `The last good version stays in force, because of this:\n${doc.problem}`;
  element("problem").hidden = !doc.problem;
}

/** Follows the tenants file; a change that is in force runs everything again. */
async function follow() {
  for (;;) {
    try {
      const query = new URLSearchParams({ after: state.revision });
      const doc = await (await fetch(`document?${query}`, { cache: "no-store" })).json();
      if (doc.revision !== state.revision) {
        state.revision = doc.revision;
        showDocument(doc);
        while (state.running) await sleep(50);
        await run();
      }
    } catch {
      element("summary").textContent = "The demo has stopped.";
      await sleep(1000);
    }
  }
}

element("origin").textContent = location.origin;
element("role").textContent = config.role === "allowed" ? "listed by the tenant, as shipped" : "listed by nobody, as shipped";
element("role").classList.add(config.role);
element("lead").textContent =
  config.role === "allowed"
    ? `This page calls ${config.api} with scripts, as a web application calls its API. The policy lets it, within limits.`
    : `This page makes the very same calls to ${config.api}. Only what is public for everybody should be readable here.`;
element("other").href = config.other;
element("other").textContent = `See the same page on ${new URL(config.other).host}`;
element("again").addEventListener("click", run);
rows.forEach((row) => show(row));
follow();
