/**
 * bun test/salvage/salvage-experiments.ts [--first SEED] [--count N] [--version V]… [--kind K]… [--host] [--keep]
 * Damages pages in databases of real hosts, and compares what `salvage` and `sqlite3 .recover` save. SQLITE3 names the
 * shell. test/salvage/recover-shell.sh builds a shell whose `.recover` works. With `--host`, the real host opens every
 * session.
 */
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { HostVersion } from "../host/binary.ts";
import { experiment, missing, recoverWorks } from "./experiment.ts";
import { hostOpens } from "./host-opens.ts";
import { manySessions } from "./many-sessions.ts";
import { DAMAGES, type DamageKind } from "./page-damage.ts";

const { values } = parseArgs({
  options: {
    first: { type: "string", default: "1" },
    count: { type: "string", default: "300" },
    version: { type: "string", multiple: true, default: ["1.2.27", "1.14.41", "1.18.33"] },
    kind: { type: "string", multiple: true, default: [...DAMAGES] },
    keep: { type: "boolean", default: false },
    host: { type: "boolean", default: false },
  },
});
if (!recoverWorks()) {
  throw new Error("This sqlite3 has no .recover that works, to be compared with: see test/salvage/recover-shell.sh.");
}
const print = (text: string) => process.stdout.write(`${text}\n`);
const versions = values.version as HostVersion[];
const stores = new Map(
  await Promise.all(
    versions.map(async (version) => {
      const folder = join(tmpdir(), `salvage-experiments-${process.pid}-${version}`);
      return [version, await manySessions(version, 7, folder)] as const;
    }),
  ),
);
const first = Number(values.first);
let unopened = 0;
let [worse, ours, theirs, theirsWithLost, failed] = [0, 0, 0, 0, 0];
for (let seed = first; seed < first + Number(values.count); seed += 1) {
  const version = versions[seed % versions.length] ?? "1.18.33";
  const kind = values.kind[Math.floor(seed / versions.length) % values.kind.length] as DamageKind;
  const store = stores.get(version);
  if (store === undefined) continue;
  try {
    const outcome = await experiment(store, kind, seed);
    const { report } = outcome;
    const size = (held: typeof outcome.ours) => held.messages.size + held.parts.size;
    const lacking = missing(outcome.ours, outcome.theirsWithLost);
    const isBad = lacking.length > 0 || !report.isSound || !outcome.originalsUnchanged || outcome.blocking !== 0;
    if (isBad) worse += 1;
    ours += size(outcome.ours);
    theirs += size(outcome.theirs);
    theirsWithLost += size(outcome.theirsWithLost);
    const { fromEvents, rebuilt } = report;
    print(
      `${isBad ? "BAD " : ""}${seed} ${version} ${kind} (${outcome.what}): ours ${size(outcome.ours)}, .recover ${size(outcome.theirs)} (+lost ${size(outcome.theirsWithLost)}), ` +
        `events ${fromEvents.sessions}/${fromEvents.messages}/${fromEvents.parts}, older ${report.fromOlderPages}, repaired ${report.mended}, ` +
        `rebuilt ${rebuilt.projects}/${rebuilt.sessions}/${rebuilt.messages}, differing ${outcome.differing}, fk ${report.foreignKeyViolations}, blocking ${outcome.blocking}${lacking.length > 0 ? `, lacking ${lacking.slice(0, 3)}` : ""}`,
    );
    if (values.host) {
      const opening = await hostOpens(version, store.project, outcome.salvaged);
      const opens = opening.listStatus === 200 && opening.failing.length === 0;
      if (!opens) unopened += 1;
      print(
        `  host: list ${opening.listStatus}, ${opening.listed} of ${opening.sessions} listed, failing ${opening.failing.length} ${opening.failing.slice(0, 2)}`,
      );
    }
    if (!values.keep) await rm(outcome.salvaged, { force: true });
  } catch (error) {
    failed += 1;
    print(`FAILED ${seed} ${version} ${kind}: ${error instanceof Error ? error.stack : error}`);
  }
}
for (const store of stores.values()) if (!values.keep) await rm(store.folder, { recursive: true, force: true });
print(JSON.stringify({ experiments: Number(values.count), worse, failed, unopened, ours, theirs, theirsWithLost }));
if (worse + failed + unopened > 0) process.exitCode = 1;
