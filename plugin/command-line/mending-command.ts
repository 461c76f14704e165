import { join } from "node:path";
import { ACCESS_DENIED, QUARANTINE_DENIED } from "../faults/access.ts";
import type { Finding } from "../model/finding.ts";
import { correctingCommand } from "../platform/permissions.ts";

/**
 * The command that gives this user access to a file. The command contains a path, so it is only for the user's own
 * screen.
 */
export function mendingCommandFor({ code, locator }: Finding, dataDir: string): string | null {
  return [ACCESS_DENIED.code, QUARANTINE_DENIED.code].includes(code) && "path" in locator
    ? correctingCommand(join(dataDir, locator.path), dataDir)
    : null;
}
