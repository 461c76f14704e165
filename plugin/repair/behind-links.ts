import { dirname, join } from "node:path";
import { isFileLocator } from "../model/artifact.ts";
import type { ConfirmedFinding } from "../model/finding.ts";
import type { FileSystem } from "../platform/file-system.ts";
import { linkOnTheWay } from "../stores/json/live-files.ts";
import { onlyReported } from "./by-origin.ts";

const ADVICE =
  "Nothing is changed behind a symbolic link. Close opencode, replace the link by the folder or file itself, then run `opencode-session-repair repair`.";

/** The path of a session's diffs, if it is a link to a file; otherwise `null`. opencode follows no link to another record. */
async function ownLink(
  files: FileSystem,
  dataDir: string,
  { kind, locator }: ConfirmedFinding,
): Promise<string | null> {
  if (kind !== "session_diff" || !isFileLocator(locator)) return null;
  return (await files.stat(join(dataDir, locator.path)))?.type === "symlink" ? locator.path : null;
}

/**
 * Findings on files behind a symbolic link are only reported, because this tool changes nothing behind a link. The
 * finding names the link.
 */
export async function reportedBehindLinks(
  files: FileSystem,
  dataDir: string,
  findings: readonly ConfirmedFinding[],
): Promise<ConfirmedFinding[]> {
  const told: ConfirmedFinding[] = [];
  // The result for each folder is kept, because one folder may hold ten thousand damaged files.
  const links = new Map<string, string | null>();
  for (const finding of findings) {
    const { locator, remedy } = finding;
    const folder = isFileLocator(locator) && remedy !== "report" ? dirname(locator.path) : null;
    if (folder !== null && !links.has(folder)) links.set(folder, await linkOnTheWay(files, dataDir, locator));
    const link = folder === null ? null : (links.get(folder) ?? (await ownLink(files, dataDir, finding)));
    told.push(
      link === null
        ? finding
        : { ...onlyReported(finding), evidence: `${finding.evidence}; behind the link ${link}`, advice: ADVICE },
    );
  }
  return told;
}
