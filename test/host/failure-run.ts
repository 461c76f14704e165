import { parseArgs } from "node:util";
import { builtPackage } from "../package/built.ts";
import { JSON_HOSTS } from "./binary.ts";
import type { FailureInput, FailureOutcome } from "./streaming-failures.ts";

/** Makes as many failures as the arguments say, without and with `atomicWrites`. Prints the damage that they left. */
export async function runFailures(
  counted: string,
  count: string,
  experiment: (input: FailureInput) => Promise<FailureOutcome>,
): Promise<void> {
  const { values } = parseArgs({
    options: {
      [counted]: { type: "string", default: count },
      seed: { type: "string", default: String(Math.floor(Math.random() * 1e9)) },
      host: { type: "string", default: "1.1.65" },
      only: { type: "string" },
    },
  });
  const version = JSON_HOSTS.find((known) => known === values.host);
  if (version === undefined) throw new Error(`--host takes one of ${JSON_HOSTS.join(", ")}.`);
  const input = { version, dist: await builtPackage(), count: Number(values[counted]), seed: Number(values.seed) };
  process.stdout.write(`opencode ${version}, ${input.count} ${counted} each, seed ${input.seed}\n`);
  for (const atomicWrites of [false, true]) {
    const name = atomicWrites ? "with" : "without";
    if (values.only !== undefined && values.only !== name) continue;
    const outcome = await experiment({ ...input, atomicWrites });
    process.stdout.write(`${name} atomicWrites: ${JSON.stringify(outcome)}\n`);
    const isWhole = outcome.withUnreadableFile + outcome.withDeadSession + outcome.changedFiles === 0;
    if (atomicWrites && !isWhole) process.exitCode = 1;
  }
  process.exit();
}
