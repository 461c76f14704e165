/**
 * npm run test:windows -- [--count N] [--seed N] [--of json|sqlite]
 * Runs the tests under Wine. `--count` is the number of kills of each store. `--of` runs only the kills of one store.
 */
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "50" },
    of: { type: "string" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 1e9)) },
  },
});
const { count, seed, of } = values;
if (of !== undefined && of !== "json" && of !== "sqlite") throw new Error("--of takes json or sqlite");
process.stdout.write(`${count} kills of ${of ?? "each store"} under Wine, seed ${seed}\n`);
const tests = of === undefined ? "./test/windows/" : "./test/windows/kill.test.ts";
const { status } = spawnSync(process.execPath, ["test", "--isolate", tests], {
  stdio: "inherit",
  env: { ...process.env, KILL_COUNT: count, KILL_SEED: seed, ...(of !== undefined && { KILL_OF: of }) },
});
process.exitCode = status ?? 1;
