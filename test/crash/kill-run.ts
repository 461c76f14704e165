/** npm run test:kill -- [--count N] [--seed N]: kills so many processes a store at random moments. */
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "500" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 1e9)) },
  },
});
process.stdout.write(`${values.count} kills a store, seed ${values.seed}\n`);
const { status } = spawnSync(process.execPath, ["test", "--isolate", "--timeout", "0", "./test/crash/kill.test.ts"], {
  stdio: "inherit",
  env: { ...process.env, KILL_COUNT: values.count, KILL_SEED: values.seed },
});
process.exitCode = status ?? 1;
