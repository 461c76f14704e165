/**
 * npm run test:kill -- [--of 2-preview] [--count N] [--seed N]
 * For each store, kills N processes at random moments. `--of 2-preview` uses only the database of a running preview of
 * opencode 2.x.
 */
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "500" },
    of: { type: "string" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 1e9)) },
  },
});
process.stdout.write(`${values.count} kills a store, seed ${values.seed}\n`);
const file = values.of === "2-preview" ? "./test/crash/preview-kill.test.ts" : "./test/crash/kill.test.ts";
const { status } = spawnSync(process.execPath, ["test", "--isolate", "--timeout", "0", file], {
  stdio: "inherit",
  env: { ...process.env, KILL_COUNT: values.count, KILL_SEED: values.seed },
});
process.exitCode = status ?? 1;
