import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { IS_WHOLE } from "../process/whole.ts";
import { cacheDirectory } from "./cache.ts";

/** A release of opencode. Any version on the npm registry is allowed. */
export type HostVersion = `${number}.${number}.${number}`;

/** The opencode releases with which every host test runs, the oldest first. */
export const HOST_VERSIONS = ["1.0.152", "1.1.65", "1.2.27", "1.14.41", "1.17.18", "1.18.33"] as const;

/**
 * One release for each kind of storage and for each group of versions with the same rules. 1.17.18 has the rules of
 * 1.18.33, so `npm test` leaves it out. test/oracle/oracle.test.ts still compares `check` with 1.17.18 on random
 * damage.
 */
export const LINE_HOSTS: readonly HostVersion[] = HOST_VERSIONS.filter((version) => IS_WHOLE || version !== "1.17.18");

/** The releases whose own stores must be healthy for `check`: {@link HOST_VERSIONS}, and one more. */
export const HEALTHY_HOSTS: readonly HostVersion[] = [...HOST_VERSIONS, "1.15.13"];

/** Those of {@link HOST_VERSIONS} that keep sessions as JSON files in `storage/`. */
export const JSON_HOSTS = ["1.0.152", "1.1.65"] as const satisfies readonly HostVersion[];

/** Those of {@link HOST_VERSIONS} that keep sessions in `opencode.db`. */
export const SQLITE_HOSTS = ["1.2.27", "1.14.41", "1.17.18", "1.18.33"] as const satisfies readonly HostVersion[];

/** Whether this version keeps its sessions as JSON files. */
export function isJsonHost(version: HostVersion): boolean {
  return minorOf(version) < 2;
}

/** The second number of a version. The tests tell groups of versions apart by it. */
export function minorOf(version: HostVersion): number {
  return Number(version.split(".")[1]);
}

/**
 * What a repair does with a damaged record. From 1.17 on, opencode keeps a log of its writes, so the record can be
 * recovered.
 */
export function mended(version: HostVersion): "recovered" | "quarantined" {
  return minorOf(version) >= 17 ? "recovered" : "quarantined";
}

const run = promisify(execFile);
const executable = process.platform === "win32" ? "opencode.exe" : "opencode";
const fetches = new Map<HostVersion, Promise<string>>();

/**
 * Returns the path of the binary of a release. A missing binary is downloaded from the npm registry into the cache
 * (`OPENCODE_HOSTS_DIR`, or else `.cache/hosts`). If the download fails, this function throws, so that no test passes
 * without opencode.
 */
export function hostBinary(version: HostVersion): Promise<string> {
  const known = fetches.get(version);
  if (known) return known;
  const wanted = locate(version);
  fetches.set(version, wanted);
  wanted.catch(() => fetches.delete(version));
  return wanted;
}

async function locate(version: HostVersion): Promise<string> {
  return located({ folder: version, name: await packageName(), version, executable });
}

/** A binary in an npm package, and the folder in the cache that contains it. */
interface PackagedBinary {
  readonly folder: string;
  readonly name: string;
  readonly version: string;
  readonly executable: string;
}

let preview: Promise<string> | undefined;

/** The path of the command of the opencode 2.x preview. npm has no other 2.x. */
export function previewBinary(): Promise<string> {
  preview ??= located({
    folder: "2-preview-1.18.18",
    name: `@opencode-ai/cli-${process.platform}-${process.arch}`,
    version: "1.18.18",
    executable: "lildax",
  });
  preview.catch(() => {
    preview = undefined;
  });
  return preview;
}

async function located(packaged: PackagedBinary): Promise<string> {
  const hosts = process.env.OPENCODE_HOSTS_DIR || cacheDirectory("hosts");
  const binary = join(hosts, packaged.folder, packaged.executable);
  if (await isFile(binary)) return binary;
  await mkdir(hosts, { recursive: true });
  const stage = await mkdtemp(join(hosts, `.fetch-${packaged.folder}-`));
  try {
    await fetchInto(stage, packaged);
    await rename(join(stage, "package", "bin"), join(hosts, packaged.folder)).catch(async (error: unknown) => {
      // Another process may have written the same binary in the meantime.
      if (!(await isFile(binary))) throw error;
    });
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
  return binary;
}

async function fetchInto(stage: string, { name, version, executable }: PackagedBinary): Promise<void> {
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  await run(npm, ["pack", `${name}@${version}`, "--silent"], { cwd: stage, shell: process.platform === "win32" });
  const tarball = (await readdir(stage)).find((entry) => entry.endsWith(".tgz"));
  if (!tarball) throw new Error(`npm pack ${name}@${version} wrote no archive`);
  await run("tar", ["-xzf", tarball], { cwd: stage });
  const unpacked = join(stage, "package", "bin", executable);
  if (!(await isFile(unpacked))) throw new Error(`${name}@${version} holds no bin/${executable}`);
  await chmod(unpacked, 0o755);
}

/** All 1.x releases on the npm registry for this operating system, the oldest first. */
export async function publishedVersions(): Promise<HostVersion[]> {
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const { stdout } = await run(npm, ["view", await packageName(), "versions", "--json"], {
    shell: process.platform === "win32",
  });
  const versions = (JSON.parse(stdout) as readonly string[]).filter((version): version is HostVersion =>
    /^1\.\d+\.\d+$/.test(version),
  );
  return versions.sort((one, other) => Bun.semver.order(one, other));
}

async function packageName(): Promise<string> {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const baseline = process.arch === "x64" && (await lacksAvx2()) ? "-baseline" : "";
  const musl = process.platform === "linux" && (await isFile("/etc/alpine-release")) ? "-musl" : "";
  return `opencode-${platform}-${process.arch}${baseline}${musl}`;
}

async function lacksAvx2(): Promise<boolean> {
  const cpu = await readFile("/proc/cpuinfo", "utf8").catch(() => undefined);
  return cpu !== undefined && !/\bavx2\b/.test(cpu);
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
