import { removeTemporaryFolders } from "../platform/temporary-folder.ts";
import { EXIT } from "./exit-status.ts";

/**
 * Ends this process at once. Every change is journaled first. So the next repair or undo completes or rolls back the
 * interrupted step, as after a crash.
 */
export function endAtOnce(): void {
  removeTemporaryFolders();
  process.stderr.write(
    "\nEnded at once. Nothing is lost: the next repair or undo finishes or rolls back a change that was running. A file that --export was writing may be incomplete.\n",
    () => process.exit(EXIT.failed),
  );
}
