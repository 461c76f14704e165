/** npm run test:full-disk -- [--runs N] [--seed N] [--host VERSION]: so many disks that fill up while opencode streams. */
import { runFailures } from "./failure-run.ts";
import { fullDisk } from "./streaming-failures.ts";

await runFailures("runs", "50", fullDisk);
