/**
 * npm run test:live -- --host V [--minutes N] [--seed N] [--plain-writes] [--bare]
 * A real opencode streams turns as fast as it can. At the same time, its store is checked, repaired and restored.
 */
import { parseArgs } from "node:util";
import { HOST_VERSIONS } from "../host/binary.ts";
import { faultsOf, runLive } from "./live.ts";

const { values } = parseArgs({
  options: {
    host: { type: "string", default: "1.18.33" },
    minutes: { type: "string", default: "10" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 1e9)) },
    "plain-writes": { type: "boolean", default: false },
    bare: { type: "boolean", default: false },
  },
});
const version = HOST_VERSIONS.find((each) => each === values.host);
if (version === undefined) throw new Error(`--host is one of ${HOST_VERSIONS.join(", ")}`);
process.stdout.write(`opencode ${version}, ${values.minutes} minutes, seed ${values.seed}\n`);
const result = await runLive({
  version,
  durationMs: Number(values.minutes) * 60_000,
  seed: Number(values.seed),
  atomicWrites: !values["plain-writes"],
  isBare: values.bare,
});
const { failedTurns, lostParts, falseQuarantines, unexpected, commands, holds, ...counts } = result;
const few = (texts: readonly string[]) => [texts.length, ...texts.slice(0, 10)];
const shown = {
  ...counts,
  ...{ failedTurns: few(failedTurns), lostParts: few(lostParts), falseQuarantines: few(falseQuarantines) },
  commands: { ...Object.fromEntries([...commands.statuses].sort()), "stepped aside": commands.steppedAside },
  unexpected: few(unexpected),
  longestHoldsMs: holds && {
    attempts: holds.attempts,
    longestGap: Math.round(holds.longestGapMs),
    host: holds.host.slice(0, 8).map(Math.round),
    plugin: holds.plugin.slice(0, 8).map(Math.round),
    pluginTransactions: holds.plugin.length,
    others: holds.others.slice(0, 8).map(Math.round),
  },
};
process.stdout.write(`${JSON.stringify(shown, null, 2)}\n`);
const faults = faultsOf(result);
process.stdout.write(faults.length === 0 ? "Nothing was lost, taken or failed.\n" : `${faults.join("\n")}\n`);
process.exit(faults.length === 0 ? 0 : 1);
