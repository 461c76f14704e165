import { writeFile } from "node:fs/promises";
import { setPriority } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type HostVersion, publishedVersions } from "../test/host/binary.ts";
import { type Outcome, TRIALS, tryVersion } from "../test/host/version-trial.ts";

/**
 * Tries every opencode 1.x that npm has for this operating system, one after the other. Four things are tried:
 * agreement of `check` with opencode, a start, an undo and a repair. Writes the table in docs/host-versions.md. With
 * `--host`, the results are only printed.
 *
 *     npm run test:hosts -- [--host VERSION]… [--seed N] [--count 60]
 */
const { values } = parseArgs({
  options: {
    host: { type: "string", multiple: true },
    seed: { type: "string", default: String(Math.floor(Math.random() * 1e9)) },
    count: { type: "string", default: "60" },
  },
});
// A low priority, so that other programs on the machine are not slowed down. The opencode processes inherit the
// priority.
setPriority(10);
const seed = Number(values.seed);
const versions = (values.host as HostVersion[] | undefined) ?? (await publishedVersions());
const outcomes = new Map<HostVersion, Outcome>();
for (const version of versions) {
  const outcome = await tryVersion(version, seed, Number(values.count));
  outcomes.set(version, outcome);
  process.stdout.write(`${rowOf(version, outcome)}\n`);
}
if (values.host === undefined) {
  await writeFile(join(import.meta.dirname, "..", "docs", "host-versions.md"), documentOf(outcomes));
}
const isOk = (outcome: Outcome) => "unavailable" in outcome || TRIALS.every((trial) => outcome[trial] === "ok");
process.exitCode = [...outcomes.values()].every(isOk) ? 0 : 1;

function rowOf(version: HostVersion, outcome: Outcome): string {
  const cells =
    "unavailable" in outcome ? [`not available: ${outcome.unavailable}`] : TRIALS.map((each) => outcome[each]);
  return `| ${[version, ...cells, ...Array(TRIALS.length - cells.length).fill("")].join(" | ")} |`;
}

function documentOf(all: ReadonlyMap<HostVersion, Outcome>): string {
  const rows = [...all].map(([version, outcome]) => rowOf(version, outcome));
  const ruler = `|${" --- |".repeat(TRIALS.length + 1)}`;
  return `# The opencode versions that were tried

\`npm run test:hosts\` writes this table. It tries every opencode 1.x that npm has for ${process.platform}-${process.arch}. This
table was written on ${new Date().toISOString().slice(0, 10)} with seed ${seed}. The oracle tried ${values.count} random damages of each version.

- **oracle**: \`check\` and this opencode version agree on every damage ([oracle.md](oracle.md)).
- **start**: With the plugin, a damaged session opens at the first try.
- **undo**: The undo of this repair restores every byte.
- **repair**: After a repair by the command line, opencode opens the session without the plugin.

| opencode | ${TRIALS.join(" | ")} |
${ruler}
${rows.join("\n")}
`;
}
