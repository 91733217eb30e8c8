// Writes corsgate-rum.js, for pages without modules: index.js as a function of its own that starts
// itself by the attributes of its script element. `node build.mjs`; a test holds the file against it.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const tail = `
const element = globalThis.document?.currentScript;
globalThis.corsgateRUM = { start };
if (element?.dataset.apis) {
  const { apis, collector, key, sample, exposed = "" } = element.dataset;
  const words = (text) => text.split(/\\s+/).filter((word) => word !== "");
  start({
    apis: words(apis).map((origin) => ({ origin, exposed: words(exposed) })),
    collector, key, sample: sample === undefined ? 1 : Number(sample),
  });
}
`;

export function build() {
  const source = readFileSync(new URL("index.js", import.meta.url), "utf8");
  return `// Made from index.js by build.mjs.\n(() => {\n"use strict";\n${source.replaceAll(/^export /gm, "")}${tail}})();\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(new URL("corsgate-rum.js", import.meta.url), build());
}
