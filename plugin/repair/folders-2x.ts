import { FOLDER_MISSING } from "../faults/whereabouts.ts";
import type { Profile } from "../hosts/v2/profile.ts";
import type { ConfirmedFinding, Stop } from "../model/finding.ts";
import type { FileSystem } from "../platform/file-system.ts";
import { stopWords } from "./place-2x.ts";

/** The folder of a session, as the session's row names it. */
export interface SessionFolder {
  readonly sessionID: string;
  readonly directory: string;
  readonly updatedMs: number | null;
}

const STOPS: readonly Stop[] = ["session", "messages", "prompts"];

/**
 * Sessions that the preview of opencode 2.x lists but cannot open, because their folder is missing. The server answers
 * 500 to all requests for such a session. The server must be restarted after the folder exists again (measured with the
 * preview).
 */
export async function folderFindings2x(
  files: Pick<FileSystem, "realPath" | "stat">,
  { host, sessionTable }: Profile,
  sessions: readonly SessionFolder[],
  store: number,
): Promise<ConfirmedFinding[]> {
  const known = new Map<string, boolean>();
  const found: ConfirmedFinding[] = [];
  for (const { sessionID, directory, updatedMs } of sessions) {
    const isThere = known.get(directory) ?? (await isFolder(files, directory));
    known.set(directory, isThere);
    if (isThere) continue;
    found.push({
      code: FOLDER_MISSING.code,
      severity: "warning",
      sessionID,
      kind: "session",
      recordID: sessionID,
      locator: { table: sessionTable, key: { id: sessionID } },
      remedy: "report",
      evidence: `its folder is not there${stopWords({ stops: STOPS, sessionID }, host)}`,
      store,
      hosts: [host],
      stops: STOPS,
      writtenMs: updatedMs,
      seen: null,
      replacement: null,
    });
  }
  return found;
}

/**
 * Errors of the operating system for paths that cannot exist: a file in place of a folder, links in a circle, or an
 * invalid name.
 */
const NOWHERE = ["ENOTDIR", "ELOOP", "ENAMETOOLONG"];

/**
 * Whether a path leads to a folder. If the user may not read it, the folder counts as existing, because nothing is
 * known about it.
 */
async function isFolder(files: Pick<FileSystem, "realPath" | "stat">, path: string): Promise<boolean> {
  try {
    const real = await files.realPath(path);
    const found = real === null ? null : await files.stat(real);
    return found?.type === "directory";
  } catch (error) {
    return !NOWHERE.includes((error as NodeJS.ErrnoException).code ?? "");
  }
}
