import { spawnSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { manifestSchema } from "../plugin/quarantine/manifest.ts";

const root = join(import.meta.dirname, "..");
const published = join(root, "dist");

/** Compiles `plugin/` and puts what is published in place of the last `dist/`. */
async function build(): Promise<void> {
  // Renamed at the end: whoever runs from `dist/` meanwhile never sees half of it.
  await mkdir(join(root, ".cache"), { recursive: true });
  const stage = await mkdtemp(join(root, ".cache", "build-"));
  try {
    // The code without its comments, which are in the types: a plugin is fetched by every user.
    const compiled =
      compile(stage, "--declaration", "false", "--removeComments") || compile(stage, "--emitDeclarationOnly");
    if (compiled !== 0) process.exitCode = compiled;
    else await publish(stage);
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
}

function compile(outDir: string, ...options: readonly string[]): number {
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  const args = [compiler, "-p", join(root, "tsconfig.build.json"), "--outDir", outDir, ...options];
  return spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" }).status ?? 1;
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
  for (const entry of ["server", "tui", "cli", "api"]) await visit(join(stage, `${entry}.d.ts`));
  for (const name of await readdir(stage, { recursive: true })) {
    const path = join(stage, name);
    if (name.endsWith(".d.ts") && !reachable.has(path)) await rm(path);
  }
}

async function publish(stage: string): Promise<void> {
  await dropUnreachableTypes(stage);
  const schema = { title: "Quarantine manifest of opencode-session-repair", ...z.toJSONSchema(manifestSchema) };
  await writeFile(join(stage, "manifest.schema.json"), `${JSON.stringify(schema, null, 2)}\n`);
  await chmod(join(stage, "cli.js"), 0o755);
  await chmod(stage, 0o755);
  const replaced = `${stage}.replaced`;
  await rename(published, replaced).catch(() => undefined);
  await rename(stage, published);
  await rm(replaced, { recursive: true, force: true });
}

await build();
