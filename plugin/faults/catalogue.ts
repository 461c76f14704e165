import type { Remedy } from "../model/finding.ts";
import * as access from "./access.ts";
import * as container from "./container.ts";
import type { Fault } from "./fault.ts";
import * as missing from "./missing-records.ts";
import * as opencode2 from "./opencode-2.ts";
import * as origin from "./origin.ts";
import * as refused from "./refused.ts";
import * as screen from "./screen.ts";
import * as sideFiles from "./side-files.ts";
import * as size from "./size.ts";
import * as skew from "./skew.ts";
import * as strayFiles from "./stray-files.ts";
import * as unfinished from "./unfinished.ts";
import * as unreadable from "./unreadable.ts";
import * as upgrade from "./upgrade.ts";
import * as whereabouts from "./whereabouts.ts";

/** Every kind of problem that this tool knows, under the headings of docs/faults.md. */
export const FAULT_FAMILIES: Readonly<Record<string, readonly Fault[]>> = {
  "Records that cannot be read": Object.values(unreadable),
  "Records that opencode's schema refuses": Object.values(refused),
  "Rows of opencode 2.x": Object.values(opencode2),
  "Files in the wrong place": Object.values(strayFiles),
  "Records that are gone": Object.values(missing),
  "Turns without an end": Object.values(unfinished),
  "The database as a whole": Object.values(container),
  "Files that may not be used": Object.values(access),
  "Databases between two versions": Object.values(skew),
  "Databases that do not belong to opencode 1.x, or not only to it": Object.values(origin),
  "Records that the import of opencode 2.x would lose or change": Object.values(upgrade),
  "Sessions that exist but are not shown": Object.values(whereabouts),
  "Records that a terminal UI cannot show": [
    screen.SCREEN_FATAL,
    screen.MESSAGE_WITHOUT_ROLE,
    screen.PART_WITHOUT_TYPE,
  ],
  "Records and files that are too large": Object.values(size),
  "Files beside the sessions": Object.values(sideFiles),
};

const BY_CODE: ReadonlyMap<string, Fault> = new Map(
  Object.values(FAULT_FAMILIES)
    .flat()
    .map((fault) => [fault.code, fault]),
);

/** The codes of all problems that this tool knows. */
export const FAULT_CODES: readonly string[] = [...BY_CODE.keys()];

/** The catalogue entry with this code. Users and manifests name a problem by its code. */
export function faultByCode(code: string): Fault | undefined {
  return BY_CODE.get(code);
}

/**
 * The advice for findings that no repair fixes, listed by code. If each of the findings with a code has advice of its
 * own, the first of them supplies the advice. Otherwise the catalogue supplies the advice. `hasDatabase` says whether
 * one of the stores is a database. Without a database, the command `rescue` does nothing, so no advice may name it.
 */
export function adviceFor(findings: readonly Advised[], hasDatabase: boolean): Readonly<Record<string, string>> {
  const byCode: Record<string, string> = {};
  for (const finding of findings) {
    const advice = adviceOn(finding, hasDatabase);
    if (advice === null) continue;
    if (finding.advice === undefined) byCode[finding.code] = advice;
    else byCode[finding.code] ??= advice;
  }
  return byCode;
}

/** The advice for one finding; `null` if a repair fixes that finding. */
export function adviceOn({ code, remedy, advice }: Advised, hasDatabase: boolean): string | null {
  const fault = faultByCode(code);
  if (advice !== undefined) return advice;
  if (remedy !== "report" || fault === undefined) return null;
  return hasDatabase ? fault.advice : (fault.adviceWithoutDatabase ?? fault.advice);
}

type Advised = { readonly code: string; readonly remedy: Remedy; readonly advice?: string };
