/** npm run test:windows -- [--count N] [--seed N]: the tests under Wine, with so many kills of each store. */
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "50" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 1e9)) },
  },
});
process.stdout.write(`${values.count} kills of each store under Wine, seed ${values.seed}\n`);
const { status } = spawnSync(process.execPath, ["test", "--isolate", "./test/windows/"], {
  stdio: "inherit",
  env: { ...process.env, KILL_COUNT: values.count, KILL_SEED: values.seed },
});
process.exitCode = status ?? 1;
