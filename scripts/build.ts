import { spawnSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { BunPlugin } from "bun";
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
    minify: { whitespace: true, identifiers: true, keepNames: true, syntax: true },
    external: ["bun:*"],
    plugins: [await agentArguments()],
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

/** Packages whose code is in the bundle, each with those that come with it: their licences are shipped. */
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
 * The arguments of the agent's tool with the 12 kB of zod that they need, as one module. opencode's start loads what holds
 * them. Bundled with the rest, it would load all of zod that anything uses (docs/performance.md).
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
