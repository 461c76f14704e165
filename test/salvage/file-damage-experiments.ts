/**
 * bun test/salvage/file-damage-experiments.ts [--first SEED] [--count N] [--version V]… [--kind K]… [--keep]
 * Damages a grown database of a version as machines do, and runs `check`, `salvage --swap` and `restore`. Then that
 * version opens every session. `--count` is the number of experiments of each kind. SQLITE3 names a SQLite shell whose
 * `.recover` works.
 */
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { HostVersion } from "../host/binary.ts";
import { FILE_DAMAGES, type FileDamageKind } from "./file-damage.ts";
import { fileDamageExperiment } from "./file-damage-experiment.ts";
import { grownStore } from "./grown-store.ts";

const { values } = parseArgs({
  options: {
    first: { type: "string", default: "1" },
    count: { type: "string", default: "1" },
    version: { type: "string", multiple: true, default: ["1.2.15", "1.3.2", "1.14.48", "1.15.4", "1.17.9", "1.18.34"] },
    kind: { type: "string", multiple: true, default: Object.keys(FILE_DAMAGES) },
    keep: { type: "boolean", default: false },
  },
});
const print = (text: string) => process.stdout.write(`${text}\n`);
let bad = 0;
for (const version of values.version as HostVersion[]) {
  const folder = join(tmpdir(), `file-damage-${process.pid}-${version}`);
  const store = await grownStore(version, folder);
  let done = 0;
  for (let number = 0; number < Number(values.count) * values.kind.length; number += 1) {
    const kind = values.kind[number % values.kind.length] as FileDamageKind;
    const seed = Number(values.first) + number;
    done += 1;
    try {
      const { what, faults, summary } = await fileDamageExperiment(store, kind, seed);
      if (faults.length > 0) bad += 1;
      print(
        `${faults.length > 0 ? "BAD " : ""}${version} ${seed} ${kind} (${what}): ${summary}${faults.map((each) => `\n    ${each}`).join("")}`,
      );
    } catch (error) {
      bad += 1;
      print(`BAD ${version} ${seed} ${kind}: ${(error instanceof Error ? error.stack : String(error))?.slice(0, 500)}`);
    }
  }
  if (!values.keep) await rm(folder, { recursive: true, force: true });
  print(JSON.stringify({ version, experiments: done, bad }));
}
if (bad > 0) process.exitCode = 1;
