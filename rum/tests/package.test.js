// The files of the package fit together.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { build } from "../build.mjs";
import * as index from "../index.js";
import { API, COLLECTOR, FILES, running, visit } from "./page.js";

const read = (name) => readFileSync(new URL("../" + name, import.meta.url), "utf8");

test("the file for pages without modules is current", () => {
  assert.equal(read("corsgate-rum.js"), build(), "run: node build.mjs");
});

/** Runs the file as a script element with these attributes would. */
function load(dataset) {
  const page = visit();
  page.document.currentScript = { dataset };
  new Function(read("corsgate-rum.js"))();
  return page;
}

test("it starts itself by its attributes", async () => {
  const page = load({ apis: ` ${API}\n${FILES} `, exposed: "x-request-id x-other", collector: COLLECTOR, key: "site-1", sample: "1" });
  try {
    await fetch(API);
    await fetch(FILES);
    await page.pass(60_000);
    const report = (api) => ({ api, plain: { ok: 1 }, credentials: {}, exposed_missing: 1 });
    assert.deepEqual(page.beacons(), [{ v: 1, key: "site-1", reports: [report(API), report(FILES)] }]);
  } finally {
    running()?.stop();
    page.leave();
  }
});

test("it waits to be started without them, and leaves one name behind", () => {
  const before = Object.keys(globalThis);
  const page = load({});
  try {
    assert.equal(fetch, page.browserFetch);
    assert.deepEqual(Object.keys(globalThis).filter((name) => !before.includes(name)), ["corsgateRUM"]);
    assert.deepEqual(Object.keys(globalThis.corsgateRUM), ["start"]);
  } finally {
    page.leave();
  }
});

test("the types name what there is", () => {
  const types = read("index.d.ts");
  const exported = [...types.matchAll(/^export (?:declare )?(?:function|const|class) (\w+)/gm)].map((m) => m[1]);
  assert.deepEqual(exported, Object.keys(index));
  const members = (name) => [...types.match(new RegExp(`interface ${name} {([^}]*)}`))[1].matchAll(/^ {2}(\w+)\??[:(]/gm)].map((m) => m[1]);
  assert.deepEqual(members("Options"), read("index.js").match(/^const OPTIONS = (.*);$/m)[1].match(/\w+/g));
  assert.deepEqual(members("API"), read("index.js").match(/const { (origin, exposed) = /)[1].split(", "));
  const page = visit();
  try {
    assert.deepEqual(members("Watch"), Object.keys(index.start({ apis: [API], collector: COLLECTOR })));
  } finally {
    running()?.stop();
    page.leave();
  }
});

test("the package names files that exist, and depends on nothing", () => {
  const about = JSON.parse(read("package.json"));
  const named = [...about.files, about.types, about.unpkg, ...Object.values(about.exports).flatMap((e) => (typeof e === "string" ? e : Object.values(e)))];
  for (const file of named) assert.ok(existsSync(new URL("../" + file, import.meta.url)), file);
  for (const kind of ["dependencies", "peerDependencies", "optionalDependencies", "devDependencies"]) assert.equal(about[kind], undefined);
  for (const file of ["index.js", "index.d.ts", "corsgate-rum.js"]) assert.doesNotMatch(read(file), /^\s*import\s/m);
  assert.equal(about.name, "corsgate-rum");
});
