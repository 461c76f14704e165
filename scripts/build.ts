import { spawnSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { z } from "zod";
import { manPage } from "../plugin/command-line/man-page.ts";
import { manifestSchema } from "../plugin/quarantine/manifest.ts";
import { TOOL } from "../plugin/tool-identity.ts";

const root = join(import.meta.dirname, "..");
/** Where the package goes: the folder that is named, else `dist/`. */
const published = resolve(process.argv[2] ?? join(root, "dist"));

/** The modules that others name: the four doors, and what a check starts on a thread or in a process of its own. */
const ENTRIES = ["server", "server-module", "tui", "cli", "api", "repair/scan-thread", "command-line/aside-process"];

/** Compiles `plugin/` and puts what is published in place of what was published before. */
async function build(): Promise<void> {
  // Renamed at the end: whoever runs from there meanwhile never sees half of it.
  await mkdir(join(root, ".cache"), { recursive: true });
  const stage = await mkdtemp(join(root, ".cache", "build-"));
  try {
    const declared = declareTypes(stage);
    if (declared !== 0) process.exitCode = declared;
    else {
      await bundle(stage);
      await shipDependencies(stage);
      await publish(stage);
    }
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
}

function declareTypes(outDir: string): number {
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  const args = [compiler, "-p", join(root, "tsconfig.build.json"), "--outDir", outDir, "--emitDeclarationOnly"];
  return spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" }).status ?? 1;
}

/**
 * A few files instead of one a module, since opencode's start pays for each; what is loaded on demand stays apart. The
 * first line tells Bun that there is nothing to compile. Together they halve the time that loading the start takes.
 */
async function bundle(outdir: string): Promise<void> {
  const { outputs } = await Bun.build({
    entrypoints: ENTRIES.map((name) => join(root, "plugin", `${name}.ts`)),
    root: join(root, "plugin"),
    outdir,
    target: "node",
    splitting: true,
    minify: { whitespace: true, identifiers: true, keepNames: true },
    external: [...Object.keys(DEPENDENCIES), "bun:*"],
    naming: { entry: "[dir]/[name].[ext]", chunk: "[hash].[ext]" },
  });
  for (const { path } of outputs) {
    const code = inAscii(await readFile(path, "utf8"));
    await writeFile(path, code.startsWith("#!") ? code : `// @bun\n${code}`);
  }
}

/** Below that line Bun reads a byte as a letter (measured, 1.3.3 to 1.4.5): of "…" it makes three. */
function inAscii(code: string): string {
  return code.replaceAll(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** What the code imports, and the names of the folders whose licences go with it. */
const DEPENDENCIES: Readonly<Record<string, readonly string[]>> = {
  zod: ["zod"],
  "fs-extra": ["fs-extra", "graceful-fs", "universalify"],
  "p-limit": ["p-limit", "yocto-queue"],
};

/** The one function of fs-extra that is used, as fs-extra itself makes it, without the rest. */
const SHIPPED_PARTS: Readonly<Record<string, string>> = {
  "fs-extra": `import graceful from "graceful-fs";
import { fromCallback } from "universalify";
export default { rename: fromCallback(graceful.rename) };\n`,
};

/** Puts what is used of the dependencies into the package, so that it installs without a network. */
async function shipDependencies(stage: string): Promise<void> {
  const folder = join(stage, "dependencies");
  await mkdir(folder);
  const licences: string[] = [];
  for (const [name, folders] of Object.entries(DEPENDENCIES)) {
    const entry = join(stage, `${name}.entry.js`);
    const used = name === "zod" ? await usedOfZod() : SHIPPED_PARTS[name];
    await writeFile(entry, used ?? `export { default } from "${name}";\n`);
    const isZod = name === "zod";
    const format = isZod ? "cjs" : "esm";
    const { outputs } = await Bun.build({ entrypoints: [entry], target: "node", format, minify: true });
    await writeFile(join(folder, isZod ? "zod.cjs" : `${name}.js`), (await outputs[0]?.text()) ?? "");
    await rm(entry);
    for (const each of folders) {
      const [licence = ""] = (await readdir(join(root, "node_modules", each))).filter((file) =>
        /^licen[cs]e/i.test(file),
      );
      licences.push(`${each}\n\n${await readFile(join(root, "node_modules", each, licence), "utf8")}`);
    }
  }
  await writeFile(join(folder, "zod.js"), ZOD_MODULE);
  await writeFile(join(folder, "LICENSES.txt"), licences.join("\n---\n\n"));
  for (const name of await codeIn(stage)) {
    if (dirname(name) === "dependencies") continue;
    const code = await readFile(join(stage, name), "utf8");
    const up = relative(dirname(join(stage, name)), folder).replaceAll("\\", "/");
    const path = up.startsWith(".") ? up : `./${up}`;
    const shipped = code.replaceAll(
      /(\bfrom|\bimport\(|\))(\s*\(?)"(zod|fs-extra|p-limit)"/g,
      (_, before, gap, dependency) => `${before}${gap}"${path}/${dependency}.js"`,
    );
    await writeFile(join(stage, name), shipped);
  }
}

/**
 * Every use of zod evaluates the one CommonJS file of it: the agent's tool at once (`opencode/zod-now.ts`), the others through
 * this module. opencode 1.14 has a loader of its own, which cannot import CommonJS outside of `node_modules`.
 */
const ZOD_MODULE = `import { readFileSync } from "node:fs";
const module = { exports: {} };
new Function("module", "exports", readFileSync(new URL("./zod.cjs", import.meta.url), "utf8"))(module, module.exports);
export const { z } = module.exports;
`;

/** An entry with the functions of zod that the code calls. */
async function usedOfZod(): Promise<string> {
  const sources = join(root, "plugin");
  const names = new Set<string>();
  // Types are gone after this: some of them name parts of zod that no code calls.
  const transpiler = new Bun.Transpiler({ loader: "ts" });
  for (const name of (await readdir(sources, { recursive: true })).filter((each) => each.endsWith(".ts"))) {
    const code = transpiler.transformSync(await readFile(join(sources, name), "utf8"));
    for (const [, used = ""] of code.matchAll(/\bz\.([a-z]\w*)/g)) names.add(`${used}: all.${used}`);
  }
  return `import * as all from "zod";\nexport const z = Object.freeze({ ${[...names].sort().join(", ")} });\n`;
}

async function codeIn(folder: string): Promise<string[]> {
  return (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(".js"));
}

/** Types that no entry of the package leads to are of no use to anybody. */
async function dropUnreachableTypes(stage: string): Promise<void> {
  const reachable = new Set<string>();
  const visit = async (path: string): Promise<void> => {
    if (reachable.has(path)) return;
    reachable.add(path);
    const text = await readFile(path, "utf8");
    const imports = [...text.matchAll(/(?:from |import\()"(\.[^"]+)\.ts"/g)].map((match) => `${match[1]}.d.ts`);
    for (const imported of imports) await visit(join(dirname(path), imported));
  };
  for (const entry of ["server", "server-module", "tui", "cli", "api"]) await visit(join(stage, `${entry}.d.ts`));
  for (const name of await readdir(stage, { recursive: true })) {
    const path = join(stage, name);
    if (name.endsWith(".d.ts") && !reachable.has(path)) await rm(path);
  }
}

async function publish(stage: string): Promise<void> {
  await dropUnreachableTypes(stage);
  const schema = { title: "Quarantine manifest of opencode-session-repair", ...z.toJSONSchema(manifestSchema) };
  await writeFile(join(stage, "manifest.schema.json"), `${JSON.stringify(schema, null, 2)}\n`);
  await writeFile(join(stage, `${TOOL.name}.1`), manPage());
  await chmod(join(stage, "cli.js"), 0o755);
  await chmod(stage, 0o755);
  const replaced = `${stage}.replaced`;
  await rename(published, replaced).catch(() => undefined);
  await rename(stage, published);
  await rm(replaced, { recursive: true, force: true });
}

await build();
