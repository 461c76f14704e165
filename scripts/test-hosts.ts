import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { setPriority } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type HostVersion, publishedVersions } from "../test/host/binary.ts";
import { type Outcome, TRIALS, tryVersion } from "../test/host/version-trial.ts";

/**
 * Tries every opencode 1.x that npm has for this system, one after the other: oracle, start, undo, repair. Writes the
 * table of docs/host-versions.md after each version. With --continue, it leaves out the versions whose row says that all
 * is well. With --host, it only prints.
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
// Other work on the machine goes first; the hosts inherit it.
setPriority(10);
const COLUMNS = ["opencode", ...TRIALS, "commit", "seed"];
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
  if (known !== undefined && isFine(known)) continue;
  const row = rowOf(version, await tryVersion(version, seed, count));
  rows.set(version, row);
  process.stdout.write(`${row}\n`);
  if (asked === undefined) writeFileSync(file, documentOf(rows));
}
process.exitCode = [...rows.values()].every(isFine) ? 0 : 1;

function rowOf(version: HostVersion, outcome: Outcome): string {
  const cells =
    "unavailable" in outcome
      ? [`${NOT_AVAILABLE}: ${outcome.unavailable}`, ...TRIALS.slice(1).map(() => "")]
      : TRIALS.map((each) => outcome[each]);
  return `| ${[version, ...cells, commit, seed].map((cell) => String(cell).replaceAll("|", "/")).join(" | ")} |`;
}

function cellsOf(row: string): readonly string[] {
  return row.split("|").map((cell) => cell.trim());
}

function isFine(row: string): boolean {
  const [, , ...cells] = cellsOf(row);
  return cells[0]?.startsWith(NOT_AVAILABLE) === true || TRIALS.every((_, index) => cells[index] === "ok");
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

\`npm run test:hosts\` writes this table. It tries every opencode 1.x that npm has for ${process.platform}-${process.arch}
(${versions.length} on ${new Date().toISOString().slice(0, 10)}), with ${count} damages for the oracle. \`--continue\` goes on where a run stopped.

- **oracle**: \`check\` and this opencode agree on every damage ([oracle.md](oracle.md)).
- **start**: with the plugin, a damaged session opens at the first try.
- **undo**: undoing that brings every byte back.
- **repair**: after the command line's repair, opencode opens the session without the plugin.
- **commit**, **seed**: what was tried, and the random numbers of the oracle's damages.

| ${COLUMNS.join(" | ")} |
|${" --- |".repeat(COLUMNS.length)}
${sorted.join("\n")}
${rest}`;
}
