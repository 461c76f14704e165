import { spawnSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
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
    const compiled = compile(stage);
    if (compiled !== 0) process.exitCode = compiled;
    else await publish(stage);
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
}

function compile(outDir: string): number {
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  const args = [compiler, "-p", join(root, "tsconfig.build.json"), "--outDir", outDir];
  return spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" }).status ?? 1;
}

async function publish(stage: string): Promise<void> {
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
