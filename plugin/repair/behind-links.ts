import { dirname } from "node:path";
import { isFileLocator } from "../model/artifact.ts";
import type { ConfirmedFinding } from "../model/finding.ts";
import type { FileSystem } from "../platform/file-system.ts";
import { linkOnTheWay } from "../stores/json/live-files.ts";
import { onlyReported } from "./by-origin.ts";

const ADVICE =
  "Nothing is changed behind a symbolic link. Close opencode, replace the link by the folder itself, then run `opencode-session-repair repair`.";

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
    const link = folder === null ? null : (links.get(folder) ?? null);
    told.push(
      link === null
        ? finding
        : { ...onlyReported(finding), evidence: `${finding.evidence}; behind the link ${link}`, advice: ADVICE },
    );
  }
  return told;
}
