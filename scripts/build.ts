import { spawnSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { BunPlugin } from "bun";
import { z } from "zod";
import { manPage } from "../plugin/command-line/man-page.ts";
import { manifestSchema } from "../plugin/quarantine/manifest.ts";
import { TOOL } from "../plugin/tool-identity.ts";

const root = join(import.meta.dirname, "..");
/** The folder into which the package is built: the first argument, or else `dist/`. */
const published = resolve(process.argv[2] ?? join(root, "dist"));

/**
 * The modules that are loaded by name: the entries of the package, and the code of a thread and of a separate process.
 */
const ENTRIES = ["server", "server-module", "tui", "cli", "api", "repair/scan-thread", "command-line/aside-process"];

/** Compiles `plugin/`, and replaces the published folder with the result. */
async function build(): Promise<void> {
  // The package is built in a temporary folder, which is renamed at the end. So a program that runs from the published
  // folder never sees an unfinished package.
  await mkdir(join(root, ".cache"), { recursive: true });
  const stage = await mkdtemp(join(root, ".cache", "build-"));
  try {
    const declared = declareTypes(stage);
    if (declared !== 0) process.exitCode = declared;
    else {
      await bundle(stage);
      await shipLicences(stage);
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
 * Bundles the modules into a few files, because each file slows the start of opencode. Modules that are loaded on
 * demand stay in files of their own. The line `// @bun` tells Bun not to compile the file again. Both together halve
 * the time for loading the plugin.
 */
async function bundle(outdir: string): Promise<void> {
  const { outputs } = await Bun.build({
    entrypoints: ENTRIES.map((name) => join(root, "plugin", `${name}.ts`)),
    root: join(root, "plugin"),
    outdir,
    target: "node",
    splitting: true,
    minify: { whitespace: true, identifiers: true, keepNames: true, syntax: true },
    external: ["bun:*"],
    plugins: [await agentArguments(), withoutDocumentation()],
    naming: { entry: "[dir]/[name].[ext]", chunk: "[hash].[ext]" },
  });
  for (const { path } of outputs) {
    const code = inAscii(await readFile(path, "utf8"));
    await writeFile(path, code.startsWith("#!") ? code : `// @bun\n${code}`);
  }
}

/**
 * Escapes all characters that are not ASCII. In a file with `// @bun`, Bun reads each byte as one character, so "…"
 * would become three characters (measured, 1.3.3 to 1.4.5).
 */
function inAscii(code: string): string {
  return code.replaceAll(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Packages whose code is in the bundle, and the packages that they need. Their licences must be published too. */
const BUNDLED = [
  "zod",
  "p-limit",
  "yocto-queue",
  "cross-spawn",
  "path-key",
  "shebang-command",
  "shebang-regex",
  "which",
  "isexe",
];

async function shipLicences(stage: string): Promise<void> {
  const folder = join(stage, "dependencies");
  await mkdir(folder);
  const licences: string[] = [];
  for (const name of BUNDLED) {
    const files = await readdir(join(root, "node_modules", name));
    const licence = files.find((file) => /^licen[cs]e/i.test(file)) ?? "a licence is missing";
    licences.push(`${name}\n\n${await readFile(join(root, "node_modules", name, licence), "utf8")}`);
  }
  await writeFile(join(folder, "LICENSES.txt"), licences.join("\n---\n\n"));
}

/**
 * Bundles the arguments of the agent's tool into one module, with only those 12 kB of zod that they need. The start of
 * opencode loads this module. Without this step, the start would load all of zod (docs/performance.md).
 */
async function agentArguments(): Promise<BunPlugin> {
  const entry = join(root, "plugin", "opencode", "agent-arguments.ts");
  const { outputs } = await Bun.build({ entrypoints: [entry], target: "node", minify: true });
  const contents = (await outputs[0]?.text()) ?? "";
  return {
    name: "agent arguments",
    setup: (builder) => void builder.onLoad({ filter: /agent-arguments\.ts$/ }, () => ({ contents, loader: "js" })),
  };
}

/** Properties of a rule in `remedies/complete/` that only `docs/faults.md` shows, each with its literal value. */
const FOR_DOCUMENTATION = /^ +(?:invariant|issues):\s*(?:"(?:[^"\\]|\\.)*"|\[[\d,\s]*\]|[A-Z_]+\.invariant),\n/gm;

/** Leaves out what rules say for the documentation, because no code reads it. The package must be small. */
function withoutDocumentation(): BunPlugin {
  return {
    name: "without documentation",
    setup: (builder) =>
      void builder.onLoad({ filter: /complete[\\/](?:[a-z]+-rules|catalogue)\.ts$/ }, async ({ path }) => ({
        contents: (await readFile(path, "utf8")).replaceAll(FOR_DOCUMENTATION, ""),
        loader: "ts",
      })),
  };
}

/**
 * Removes type declarations that no entry of the package imports, because nobody can use them. Comments stay in the
 * modules that an entry names: editors show these comments to users of the library.
 */
async function dropUnreachableTypes(stage: string): Promise<void> {
  const declaredBy = async (path: string) =>
    [...(await readFile(path, "utf8")).matchAll(/(?:from |import\()"(\.[^"]+)\.ts"/g)].map(([, name]) =>
      join(dirname(path), `${name}.d.ts`),
    );
  const entries = ["server", "server-module", "tui", "cli", "api"].map((entry) => join(stage, `${entry}.d.ts`));
  const commented = new Set([...entries, ...(await Promise.all(entries.map(declaredBy))).flat()]);
  const reachable = new Set<string>();
  const visit = async (path: string): Promise<void> => {
    if (reachable.has(path)) return;
    reachable.add(path);
    for (const imported of await declaredBy(path)) await visit(imported);
    if (commented.has(path)) return;
    const text = await readFile(path, "utf8");
    await writeFile(path, text.replaceAll(/^[ \t]*\/\*\*[\s\S]*?\*\/\n/gm, ""));
  };
  for (const entry of entries) await visit(entry);
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
