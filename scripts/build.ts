import { spawnSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
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
    else {
      await shipDependencies(stage);
      await publish(stage);
    }
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
}

function compile(outDir: string, ...options: readonly string[]): number {
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  const args = [compiler, "-p", join(root, "tsconfig.build.json"), "--outDir", outDir, ...options];
  return spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" }).status ?? 1;
}

/** What the code imports, and the names of the folders whose licences go with it. */
const DEPENDENCIES: Readonly<Record<string, readonly string[]>> = {
  zod: ["zod"],
  "fs-extra": ["fs-extra", "graceful-fs", "universalify"],
  "p-limit": ["p-limit", "yocto-queue"],
};

/** The one function of fs-extra that is used, as fs-extra itself makes it, without the rest. */
const ENTRIES: Readonly<Record<string, string>> = {
  "fs-extra": `import graceful from "graceful-fs";
import { fromCallback } from "universalify";
export default { rename: fromCallback(graceful.rename) };\n`,
};

/** Puts what is used of the dependencies into the package, so that it installs without a network, and packs the code. */
async function shipDependencies(stage: string): Promise<void> {
  const files = (await readdir(stage, { recursive: true })).filter((name) => name.endsWith(".js"));
  const sources = new Map<string, string>();
  for (const name of files) sources.set(name, await readFile(join(stage, name), "utf8"));
  const folder = join(stage, "dependencies");
  await mkdir(folder);
  const used = [...sources.values()].flatMap((text) => [...text.matchAll(/\bz\.([a-z]\w*)/g)].map(([, name]) => name));
  const licences: string[] = [];
  for (const [name, folders] of Object.entries(DEPENDENCIES)) {
    const entry = join(stage, `${name}.entry.js`);
    const names = [...new Set(used)].sort().join(", ");
    const all = `import * as all from "zod";\nexport const z = Object.freeze({ ${names.replaceAll(/\w+/g, "$&: all.$&")} });\n`;
    await writeFile(entry, name === "zod" ? all : (ENTRIES[name] ?? `export { default } from "${name}";\n`));
    const { outputs } = await Bun.build({ entrypoints: [entry], target: "node", minify: true });
    await writeFile(join(folder, `${name}.js`), (await outputs[0]?.text()) ?? "");
    await rm(entry);
    for (const each of folders) {
      const [licence = ""] = (await readdir(join(root, "node_modules", each))).filter((file) =>
        /^licen[cs]e/i.test(file),
      );
      licences.push(`${each}\n\n${await readFile(join(root, "node_modules", each, licence), "utf8")}`);
    }
  }
  await writeFile(join(folder, "LICENSES.txt"), licences.join("\n---\n\n"));
  const transpiler = new Bun.Transpiler({ loader: "js", target: "node", minifyWhitespace: true });
  for (const [name, text] of sources) {
    const packed = transpiler.transformSync(text);
    const up = relative(dirname(join(stage, name)), folder).replaceAll("\\", "/");
    const path = up.startsWith(".") ? up : `./${up}`;
    const shipped = packed.replaceAll(
      /(\bfrom|\bimport\(|\))(\s*\(?)"(zod|fs-extra|p-limit)"/g,
      (_, before, gap, dependency) => `${before}${gap}"${path}/${dependency}.js"`,
    );
    const shebang = /^#!.*\n/.exec(text)?.[0] ?? "";
    await writeFile(join(stage, name), shebang + shipped);
  }
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
