import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { cacheDirectory } from "../host/cache.ts";
import { nodeWithSqlite } from "../stores/node-runtime.ts";

const run = promisify(execFile);

const JAZZER_VERSION = "4.0.0";

/** Jazzer's native addon needs at least this version of glibc. */
const OLDEST_GLIBC = 2.38;

/**
 * The beginning of the command that runs Jazzer.js (libFuzzer for Node). If necessary, Jazzer.js is first installed
 * into `.cache`.
 */
export async function jazzer(): Promise<readonly string[]> {
  const folder = cacheDirectory(join("jazzer", JAZZER_VERSION));
  const script = join(folder, "node_modules", "@jazzer.js", "core", "dist", "cli.js");
  if (!existsSync(script)) {
    mkdirSync(folder, { recursive: true });
    const quiet = ["--no-save", "--no-audit", "--no-fund", "--loglevel=error"];
    await run("npm", ["install", "--prefix", folder, ...quiet, `@jazzer.js/core@${JAZZER_VERSION}`]);
  }
  const { stdout } = await run("which", [await nodeWithSqlite()]);
  return [...(await loader()), stdout.trim(), script];
}

/**
 * The beginning of a command that runs a program with the C library from `FUZZ_GLIBC`. It is empty if the system's C
 * library is new enough.
 */
async function loader(): Promise<readonly string[]> {
  const { stdout } = await run("getconf", ["GNU_LIBC_VERSION"]).catch(() => ({ stdout: "" }));
  const version = Number(/^glibc (\d+\.\d+)/.exec(stdout)?.[1] ?? Number.NaN);
  if (Number.isNaN(version) || version >= OLDEST_GLIBC) return [];
  const given = process.env.FUZZ_GLIBC;
  if (given === undefined) {
    throw new Error(
      `Jazzer.js needs glibc ${OLDEST_GLIBC}, and this system has ${version}.\n` +
        "test/fuzz/newer-glibc.sh DIR fetches a newer one from Debian, beside the system's; then FUZZ_GLIBC=DIR.",
    );
  }
  const [machine] = readdirSync(join(given, "usr", "lib")).filter((name) => name.endsWith("-linux-gnu"));
  const libraries = join(given, "usr", "lib", machine ?? "");
  const program = readdirSync(libraries).find((name) => name.startsWith("ld-linux"));
  if (program === undefined) throw new Error(`There is no C library in ${given}.`);
  return [join(libraries, program), "--library-path", libraries];
}
