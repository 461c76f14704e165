import { isFileLocator } from "../model/artifact.ts";
import type { ConfirmedFinding } from "../model/finding.ts";
import type { FileSystem } from "../platform/file-system.ts";
import { linkOnTheWay } from "../stores/json/live-files.ts";
import { onlyReported } from "./by-origin.ts";

const ADVICE =
  "Nothing is changed behind a symbolic link. Close opencode, put the folder itself in the place of the link, then run `opencode-session-repair repair`.";

/** Findings on files that a link leads to: no repair is offered, and the link is named. */
export async function reportedBehindLinks(
  files: FileSystem,
  dataDir: string,
  findings: readonly ConfirmedFinding[],
): Promise<ConfirmedFinding[]> {
  const told: ConfirmedFinding[] = [];
  for (const finding of findings) {
    const isRepaired = isFileLocator(finding.locator) && finding.remedy !== "report";
    const link = isRepaired ? await linkOnTheWay(files, dataDir, finding.locator) : null;
    told.push(
      link === null
        ? finding
        : { ...onlyReported(finding), evidence: `${finding.evidence}; behind the link ${link}`, advice: ADVICE },
    );
  }
  return told;
}
