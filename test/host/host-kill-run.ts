/** npm run test:host-kill -- [--kills N] [--seed N] [--host VERSION]: opencode killed so often while it streams. */
import { runFailures } from "./failure-run.ts";
import { killed } from "./streaming-failures.ts";

await runFailures("kills", "200", killed);
