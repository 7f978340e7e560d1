// Builds the page into the folder that the controller serves; files are named by their content.
//   node build.mjs [FOLDER]

import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const target = process.argv[2] ?? join(here, "..", "horizon_ryu", "page");

const common = {
  bundle: true,
  format: "esm",
  target: ["es2022"],
  minify: true,
  legalComments: "linked",
  outdir: join(target, "assets"),
  entryNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  metafile: true,
  loader: { ".svg": "file" },
  jsx: "automatic",
  jsxImportSource: "preact",
  logLevel: "warning",
};

/** Return the path below the target of what was made of an entry point. */
function made(result, entry, extension = ".js") {
  for (const [path, output] of Object.entries(result.metafile.outputs)) {
    if (output.entryPoint?.endsWith(entry) && path.endsWith(extension)) {
      return `assets/${basename(path)}`;
    }
  }
  throw new Error(`${entry} was not built`);
}

await rm(target, { recursive: true, force: true });
await mkdir(target, { recursive: true });
const worker = await build({
  ...common,
  entryPoints: [join(here, "src/picture/layout_worker.ts")],
});
const page = await build({
  ...common,
  entryPoints: [join(here, "src/main.tsx"), join(here, "src/page.css"), join(here, "src/icon.svg")],
  define: { LAYOUT_WORKER: JSON.stringify(`/${made(worker, "layout_worker.ts")}`) },
});
const names = {
  SCRIPT: made(page, "src/main.tsx"),
  STYLE: made(page, "src/page.css", ".css"),
  ICON: Object.keys(page.metafile.outputs)
    .filter((path) => path.endsWith(".svg"))
    .map((path) => `assets/${basename(path)}`)[0],
};
let html = await readFile(join(here, "src/index.html"), "utf8");
for (const [name, path] of Object.entries(names)) html = html.replaceAll(`%${name}%`, `/${path}`);
await writeFile(join(target, "index.html"), html);
await cp(join(here, "..", "LICENSE"), join(target, "LICENSE")).catch(() => undefined);
console.log(`built ${target}`);
