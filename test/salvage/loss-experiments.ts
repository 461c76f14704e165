/**
 * bun test/salvage/loss-experiments.ts [--first SEED] [--count N] [--version V]… [--kind K]… [--copies N]
 * Damages databases of real hosts, and compares the losses that `salvage` reports with the undamaged copy. `--version`
 * accepts any version that npm has.
 */
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { HostVersion } from "../host/binary.ts";
import { manySessions } from "./many-sessions.ts";
import { DAMAGES, type DamageKind } from "./page-damage.ts";
import { toldLosses } from "./told-losses.ts";

const { values } = parseArgs({
  options: {
    first: { type: "string", default: "1" },
    count: { type: "string", default: "100" },
    copies: { type: "string", default: "2" },
    version: { type: "string", multiple: true, default: ["1.2.15", "1.14.41", "1.17.9", "1.18.33"] },
    // If a WAL was lost or cut off, nobody knows which records existed.
    kind: { type: "string", multiple: true, default: DAMAGES.filter((kind) => !kind.endsWith("-wal")) },
  },
});
const first = Number(values.first);
let failed = 0;
for (const version of values.version as HostVersion[]) {
  const folder = join(tmpdir(), `loss-experiments-${process.pid}-${version}`);
  const whole = await manySessions(version, Number(values.copies), folder);
  let [sessions, said, counted, false_] = [0, 0, 0, 0];
  for (let seed = first; seed < first + Number(values.count); seed += 1) {
    const kind = values.kind[seed % values.kind.length] as DamageKind;
    const { lies, report, what } = await toldLosses(whole, kind, seed);
    sessions += report.sessions.length;
    said += report.sessions.filter(({ isWhole }) => isWhole).length;
    counted += report.sessions.filter(({ isCounted }) => isCounted).length;
    if (lies.length === 0) continue;
    false_ += 1;
    process.stdout.write(`FALSE ${seed} ${version} ${kind} (${what}): ${lies.slice(0, 3).join("; ")}\n`);
  }
  await rm(folder, { recursive: true, force: true });
  failed += false_;
  process.stdout.write(
    `${JSON.stringify({ version, experiments: Number(values.count), false: false_, sessions, counted, whole: said })}\n`,
  );
}
if (failed > 0) process.exitCode = 1;
