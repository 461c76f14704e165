/** npm run test:full-disk -- [--runs N] [--seed N] [--host VERSION]: fills N disks while opencode streams an answer. */
import { runFailures } from "./failure-run.ts";
import { fullDisk } from "./streaming-failures.ts";

await runFailures("runs", "50", fullDisk);
