/**
 * bun test/salvage/version-experiments.ts [--first SEED] [--count N] [--version V]… [--kind K]… [--copies N]
 * Damages databases that a version of opencode wrote, and salvages them. Then that version opens every session.
 * `--version` accepts any version that npm has. `--count` is the number of experiments of each kind.
 */
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { HostVersion } from "../host/binary.ts";
import { manySessions } from "./many-sessions.ts";
import { VERSION_DAMAGES, type VersionDamage, versionExperiment } from "./version-experiment.ts";

const { values } = parseArgs({
  options: {
    first: { type: "string", default: "1" },
    count: { type: "string", default: "2" },
    copies: { type: "string", default: "2" },
    version: { type: "string", multiple: true, default: ["1.2.15", "1.14.48", "1.15.4", "1.17.0", "1.17.9"] },
    kind: { type: "string", multiple: true, default: [...VERSION_DAMAGES] },
  },
});
const print = (text: string) => process.stdout.write(`${text}\n`);
const first = Number(values.first);
let failed = 0;
for (const version of values.version as HostVersion[]) {
  const folder = join(tmpdir(), `version-experiments-${process.pid}-${version}`);
  let [done, opened] = [0, 0];
  try {
    const whole = await manySessions(version, Number(values.copies), folder);
    for (let number = 0; number < Number(values.count) * values.kind.length; number += 1) {
      const [kind, seed] = [values.kind[number % values.kind.length] as VersionDamage, first + number];
      done += 1;
      try {
        const { what, report, opening, opens: hostOpens, lies } = await versionExperiment(version, whole, kind, seed);
        const opens = hostOpens && lies.length === 0;
        if (opens) opened += 1;
        const placed = report.sessions.filter(({ hasFolder }) => hasFolder).length;
        const lost = report.sessions.filter(({ isWhole }) => !isWhole).length;
        print(
          `${opens ? "" : "BAD "}${version} ${seed} ${kind} (${what}): list ${opening.listStatus}, ${opening.listed} of ${opening.sessions} listed, ${placed} with a folder, ` +
            `failing ${opening.failing.length}, not whole ${lost}, added ${report.addedSchemaObjects.length}${lies.length > 0 ? `; false: ${lies.slice(0, 2).join("; ")}` : ""}`,
        );
      } catch (error) {
        print(`BAD ${version} ${seed} ${kind}: ${String(error).slice(0, 300)}`);
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  failed += done - opened;
  print(JSON.stringify({ version, experiments: done, opened }));
}
if (failed > 0) process.exitCode = 1;
