import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFile } from "node:child_process";
import { readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { z } from "zod";
import { type HostVersion, hostBinary } from "../host/binary.ts";
import { DAMAGES } from "../host/damage.ts";
import { damageable } from "../host/damageable.ts";
import { removeHomes } from "../host/home.ts";
import { type RealStore, realStore } from "../host/stored-fixture.ts";
import { installPackage, PACKAGE_NAME } from "./installed.ts";
import { npm, packedPackage, REPOSITORY, scratchDirectory } from "./packed.ts";
import { startRegistry } from "./registry.ts";

/**
 * The tarball needs more than 300,000 bytes, because it contains the schemas and the rules of all opencode versions,
 * and the search for sessions by folder.
 */
const LARGEST_TARBALL_BYTES = 465_000;

/** This package, and zod for its types. */
const MOST_PACKAGES = 2;

let tarball: string;
let app: string;
let installed: string;

beforeAll(async () => {
  tarball = await packedPackage();
  const registry = await startRegistry();
  ({ app, directory: installed } = await installPackage(registry));
  await registry.stop();
});

afterAll(removeHomes);

describe("the packed package", () => {
  test("holds what is published and nothing else", async () => {
    const files = await filesIn(installed);
    const expected =
      /^(dist\/.*\.(js|d\.ts)|dist\/manifest\.schema\.json|dist\/opencode-session-repair\.1|dist\/dependencies\/(LICENSES\.txt|zod\.cjs)|docs\/.*\.md|docs\/gallery\/[a-z]+\.svg|package\.json|README\.md|LICENSE)$/;
    expect(files.filter((file) => !expected.test(file))).toEqual([]);
    expect(files).toContain("LICENSE");
    for (const file of files) {
      const text = await readFile(join(installed, file), "utf8");
      for (const place of [REPOSITORY, homedir()])
        expect({ file, built: text.includes(place) }).toEqual({ file, built: false });
    }
  });

  test("is small, and brings few packages along", async () => {
    expect((await stat(tarball)).size).toBeLessThanOrEqual(LARGEST_TARBALL_BYTES);
    const lock = JSON.parse(await readFile(join(app, "package-lock.json"), "utf8")) as { packages: object };
    const packages = Object.keys(lock.packages).filter((path) => path !== "");
    expect(packages.length).toBeLessThanOrEqual(MOST_PACKAGES);
  });

  test("has every file that its exports name", async () => {
    const { exports } = JSON.parse(await readFile(join(installed, "package.json"), "utf8")) as { exports: object };
    const named = JSON.stringify(exports).matchAll(/:"(\.\/[^"]*)"/g);
    const missing: string[] = [];
    for (const [, file = ""] of named) await stat(join(installed, file)).catch(() => missing.push(file));
    expect(missing).toEqual([]);
  });

  test.each(["node", "bun"])("its library and plugins load in %s", async (runtime) => {
    const script = `
      const api = await import("${PACKAGE_NAME}/api");
      const server = await import("${PACKAGE_NAME}/server");
      const main = await import("${PACKAGE_NAME}");
      process.stdout.write(JSON.stringify([typeof api.check, Object.keys(server), typeof main.default]));`;
    const { code, stdout, stderr } = await run(app, runtime, ["--eval", script]);
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '["function",["default"],"function"]', stderr: "" });
  });

  test("its types resolve for whoever installs it", async () => {
    const source = `
      import { check, type CheckOutcome, locate, type Manifest, nodeFileSystem as files } from "${PACKAGE_NAME}/api";
      export async function outcome(dataDir: string): Promise<CheckOutcome | null> {
        const found = await locate(files, { env: {}, dataDir });
        return found.ok ? check({ files, located: found.located, sessionIDs: [], concurrency: 1 }) : null;
      }
      export const state = (manifest: Manifest): "planned" | "done" | "restored" | "rolled-back" => manifest.state;
      // @ts-expect-error: a type that resolved to any would accept it
      export const wrong = (manifest: Manifest): number => manifest.runID;`;
    await writeFile(join(app, "consumer.ts"), source);
    const compilerOptions = {
      target: "ES2023",
      module: "NodeNext",
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      types: ["node"],
      typeRoots: [join(REPOSITORY, "node_modules", "@types")],
    };
    await writeFile(join(app, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["consumer.ts"] }));
    const compiler = join(REPOSITORY, "node_modules", "typescript", "bin", "tsc");
    expect(await run(app, "node", [compiler, "-p", app])).toEqual({ code: 0, stdout: "", stderr: "" });
  });
});

test("installs from its archive without a network and an empty cache, and its command checks and undoes", async () => {
  const alone = await scratchDirectory("offline");
  await writeFile(join(alone, "package.json"), JSON.stringify({ name: "alone", private: true }));
  await npm(alone, "install", tarball, "--offline", "--cache", join(alone, "cache"));
  expect((await readdir(join(alone, "node_modules"))).filter((name) => !name.startsWith("."))).toEqual([PACKAGE_NAME]);
  const store = await realStore("1.1.65");
  await damagedPart(store);
  const command = (...args: readonly string[]) =>
    run(alone, "node", [join(alone, "node_modules", ".bin", PACKAGE_NAME), ...args, "--data-dir", store.dataDir]);
  const { runID } = JSON.parse((await command("repair", "--yes", "--json")).stdout) as { runID: string };
  expect((await command("check")).code).toBe(0);
  expect((await command("restore", runID, "--yes")).code).toBe(0);
  expect((await command("check")).code).toBe(1);
  await store.home.remove();
});

const HOSTS: readonly HostVersion[] = ["1.1.65", "1.18.33"];

describe.each(["node", "bun"])("its command, run by %s", (runtime) => {
  const command = (...args: readonly string[]) =>
    run(app, runtime, [join(app, "node_modules", ".bin", PACKAGE_NAME), ...args]);

  test("says its version", async () => {
    const { version } = JSON.parse(await readFile(join(installed, "package.json"), "utf8")) as { version: string };
    expect(await command("--version")).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
  });

  test.each(HOSTS)("checks and repairs a store of opencode %s", async (version) => {
    const store = await realStore(version);
    const dataDir = ["--data-dir", store.dataDir, "--json"];
    expect(await command("check", ...dataDir)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('"healthy"'),
    });
    const recordID = await damagedPart(store);
    const checked = await command("check", ...dataDir);
    expect(checked.code).toBe(1);
    const { findings, verdict } = JSON.parse(checked.stdout) as { findings: unknown[]; verdict: string };
    expect(verdict).toBe("damaged");
    expect(findings).toEqual([expect.objectContaining({ code: "empty", recordID, severity: "blocking" })]);
    const repaired = await command("repair", "--yes", ...dataDir);
    expect(repaired.code).toBe(0);
    const { manifests } = JSON.parse(repaired.stdout) as { manifests: string[] };
    await followsPublishedSchema(manifests[0] ?? "");
    expect((await command("check", ...dataDir)).code).toBe(0);
    await store.home.remove();
  });
});

test("a Node without SQLite says what to install, where there is no Bun either", async () => {
  const node = await scratchDirectory("node-alone");
  await symlink(Bun.which("node") ?? "", join(node, "node"));
  const probe = ["--eval", "import('node:sqlite').then(() => process.exit(0), () => process.exit(3))"];
  const hasDriver = (await run(app, "node", probe, node)).code === 0;
  const store = await realStore("1.18.33");
  const check = [join(installed, "dist", "cli.js"), "check", "--data-dir", store.dataDir];
  const { code, stderr } = await run(app, "node", check, node);
  // Without SQLite, the command must not judge the store, so it exits with 2.
  expect({ code, advice: stderr.includes("npx -p node@24") }).toEqual(
    hasDriver ? { code: 0, advice: false } : { code: 2, advice: true },
  );
  await store.home.remove();
});

test.if(await nodeLacksSqlite())("a Node without SQLite uses the user's own opencode, and says so", async () => {
  const tools = await scratchDirectory("node-and-opencode");
  await symlink(Bun.which("node") ?? "", join(tools, "node"));
  await symlink(await hostBinary("1.18.33"), join(tools, "opencode"));
  const store = await realStore("1.18.33");
  const check = [join(installed, "dist", "cli.js"), "check", "--data-dir", store.dataDir];
  const { code, stdout, stderr } = await run(app, "node", check, tools);
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: expect.stringMatching(
      /^Node [\d.]+ has no SQLite; using your opencode \(as Bun\) to read the database\.\n$/,
    ),
  });
  expect(stdout).toContain("Healthy");
  await store.home.remove();
});

test.if(await nodeLacksSqlite())("without any SQLite the files of opencode 1.0-1.1 are still repaired", async () => {
  const node = await scratchDirectory("node-for-files");
  await symlink(Bun.which("node") ?? "", join(node, "node"));
  const store = await realStore("1.1.65");
  const recordID = await damagedPart(store);
  const repair = [join(installed, "dist", "cli.js"), "repair", "--yes", "--json", "--data-dir", store.dataDir];
  const { code, stdout } = await run(app, "node", repair, node);
  expect(code).toBe(0);
  expect(JSON.parse(stdout).items).toEqual([expect.objectContaining({ recordID, action: "quarantined" })]);
  await store.home.remove();
});

async function nodeLacksSqlite(): Promise<boolean> {
  const probe = ["--eval", "import('node:sqlite').then(() => process.exit(0), () => process.exit(3))"];
  return (await run(REPOSITORY, "node", probe)).code !== 0;
}

test("its command alone, as npm links it, finds its own runtime", async () => {
  const path = [join(app, "node_modules", ".bin"), toolDirectories()].join(delimiter);
  const { code, stdout } = await run(app, PACKAGE_NAME, ["--version"], path);
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
});

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command. Its environment contains nothing of the user of this machine. */
function run(cwd: string, command: string, args: readonly string[], path = toolDirectories()): Promise<Run> {
  return new Promise((resolve, reject) => {
    const env = { PATH: path, HOME: app ?? cwd, NO_COLOR: "1" };
    execFile(command, [...args], { cwd, env }, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== "number") reject(error);
      else resolve({ code: Number(error?.code ?? 0), stdout, stderr });
    });
  });
}

/** A PATH with the folders of `node` and `bun`. */
function toolDirectories(): string {
  const node = Bun.which("node");
  if (node === null) throw new Error("there is no node on the PATH");
  return [dirname(node), join(REPOSITORY, "node_modules", ".bin"), "/usr/bin", "/bin"].join(delimiter);
}

async function filesIn(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(directory.length + 1)
        .replaceAll("\\", "/"),
    );
}

async function damagedPart(store: RealStore): Promise<string> {
  const [zeroBytes] = DAMAGES;
  const { place } = damageable(store, "part");
  if (!zeroBytes) throw new Error("there is no damage to do");
  await place.damage(zeroBytes);
  return place.recordID;
}

/** Expects that the manifest of a real repair matches the JSON Schema in the package. */
async function followsPublishedSchema(manifest: string): Promise<void> {
  const published = JSON.parse(await readFile(join(installed, "dist", "manifest.schema.json"), "utf8"));
  const schema = z.fromJSONSchema(published as z.core.JSONSchema.JSONSchema);
  const value = JSON.parse(await readFile(manifest, "utf8")) as Record<string, unknown>;
  expect(schema.safeParse(value)).toMatchObject({ success: true });
  expect(schema.safeParse({ ...value, state: "unknown" }).success).toBe(false);
}
