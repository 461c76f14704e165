import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { setPriority } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type HostVersion, publishedVersions } from "../test/host/binary.ts";
import { type Outcome, TRIALS, tryVersion } from "../test/host/version-trial.ts";

/**
 * Tries every opencode 1.x that npm has for this operating system, one after the other. Four things are tried:
 * agreement of `check` with opencode, a start, an undo and a repair. Writes the table in docs/host-versions.md after
 * each version. With `--continue`, versions whose row says that everything is ok are left out. With `--host`, the
 * results are only printed, and the exit status is about the named versions only.
 *
 *     npm run test:hosts -- [--host VERSION]… [--continue] [--seed N] [--count 60]
 */
const { values } = parseArgs({
  options: {
    host: { type: "string", multiple: true },
    continue: { type: "boolean", default: false },
    seed: { type: "string", default: String(Math.floor(Math.random() * 1e9)) },
    count: { type: "string", default: "60" },
  },
});
// A low priority, so that other programs on the machine are not slowed down. The opencode processes inherit the
// priority.
setPriority(10);
const COLUMNS = ["opencode", ...TRIALS, "damages", "commit", "seed"];
const NOT_AVAILABLE = "not available";
const file = join(import.meta.dirname, "..", "docs", "host-versions.md");
const commit = spawnSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).stdout.trim();
const seed = Number(values.seed);
const count = Number(values.count);
const asked = values.host as HostVersion[] | undefined;
const versions = asked ?? (await publishedVersions());
const rows = values.continue && existsSync(file) ? rowsIn(readFileSync(file, "utf8")) : new Map<string, string>();
for (const version of versions) {
  const known = rows.get(version);
  if (known !== undefined && isOk(known)) continue;
  const row = rowOf(version, await tryVersion(version, seed, count));
  rows.set(version, row);
  process.stdout.write(`${row}\n`);
  if (asked === undefined) writeFileSync(file, documentOf(rows));
}
const told = [...rows].filter(([version]) => asked === undefined || asked.includes(version as HostVersion));
process.exitCode = told.every(([, row]) => isOk(row) || isUnavailable(row)) ? 0 : 1;

function rowOf(version: HostVersion, outcome: Outcome): string {
  const cells =
    "unavailable" in outcome
      ? [`${NOT_AVAILABLE}: ${outcome.unavailable}`, ...TRIALS.slice(1).map(() => "")]
      : TRIALS.map((each) => outcome[each]);
  return `| ${[version, ...cells, "unavailable" in outcome ? "" : count, commit, seed].map((cell) => String(cell).replaceAll("|", "/")).join(" | ")} |`;
}

function cellsOf(row: string): readonly string[] {
  return row.split("|").map((cell) => cell.trim());
}

/** Whether all trials of this version were ok. */
function isOk(row: string): boolean {
  const [, , ...cells] = cellsOf(row);
  return TRIALS.every((_, index) => cells[index] === "ok");
}

/** Whether this version of opencode does not exist for this operating system. */
function isUnavailable(row: string): boolean {
  return cellsOf(row)[2]?.startsWith(NOT_AVAILABLE) === true;
}

/** The rows of an earlier run, by version. */
function rowsIn(document: string): Map<string, string> {
  const lines = document.split("\n").filter((line) => /^\| 1\.\d/.test(line));
  return new Map(lines.map((line) => [cellsOf(line)[1] ?? "", line]));
}

function documentOf(all: ReadonlyMap<string, string>): string {
  const sorted = versions.flatMap((version) => all.get(version) ?? []);
  const missing = versions.filter((version) => !all.has(version));
  const rest = missing.length === 0 ? "" : `\nNot tried yet: ${missing.join(", ")}.\n`;
  return `# The versions of opencode that were tried

\`npm run test:hosts\` writes this table. \`npm run test:hosts\` tries every opencode 1.x that npm has for ${process.platform}-${process.arch} (${versions.length} on
${new Date().toISOString().slice(0, 10)}), and the oracle tries random damages of each version. After a run that was stopped, \`--continue\`
tries the versions that are left.

- **oracle**: \`check\` and this opencode version agree on every damage ([oracle.md](oracle.md)).
- **start**: With the plugin, a damaged session opens at the first try.
- **undo**: The undo of the plugin's repair restores every byte.
- **repair**: After a repair by the command line, opencode opens the session without the plugin.
- **damages**: The number of random damages that the oracle tried.
- **commit**, **seed**: The commit of this tool that was tried, and the seed of the random damages.

| ${COLUMNS.join(" | ")} |
|${" --- |".repeat(COLUMNS.length)}
${sorted.join("\n")}
${rest}`;
}
