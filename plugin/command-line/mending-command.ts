import { join } from "node:path";
import { ACCESS_DENIED } from "../faults/access.ts";
import type { Finding } from "../model/finding.ts";
import { correctingCommand } from "../platform/permissions.ts";

/** What lets this user read and write a file; only for the screen in front of it, since it names a path. */
export function mendingCommandFor({ code, locator }: Finding, dataDir: string): string | null {
  return code === ACCESS_DENIED.code && "path" in locator ? correctingCommand(join(dataDir, locator.path)) : null;
}
