import { removeTemporaryFolders } from "../platform/temporary-folder.ts";
import { EXIT } from "./exit-status.ts";

/**
 * Ends this process at once. A change that was running is safe, because a manifest records it: the next repair or undo
 * completes it or rolls it back, as after a crash.
 */
export function endAtOnce(): void {
  removeTemporaryFolders();
  process.stderr.write(
    "\nEnded at once. Nothing is lost: the next repair or undo completes or rolls back the change that was running. A file that --export was writing may be incomplete.\n",
    () => process.exit(EXIT.failed),
  );
}
