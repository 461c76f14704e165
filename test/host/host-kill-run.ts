/**
 * npm run test:host-kill -- [--kills N] [--seed N] [--host VERSION]: kills opencode N times while it streams an answer.
 */
import { runFailures } from "./failure-run.ts";
import { killed } from "./streaming-failures.ts";

await runFailures("kills", "200", killed);
