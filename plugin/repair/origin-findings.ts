import { SCHEMA_NEWER } from "../faults/container.ts";
import { MALFORMED_NOT_SALVAGEABLE } from "../faults/origin.ts";
import type { ConfirmedFinding } from "../model/finding.ts";
import type { Origin } from "../model/origin.ts";
import type { StoreDescription } from "../model/store-description.ts";
import type { Access, OpenedStore } from "../stores/opened-store.ts";
import { withMessagesOf2x } from "../stores/sqlite/origin.ts";
import { advisesSalvage, originFault } from "./by-origin.ts";
import { databaseFinding } from "./database-finding.ts";

/**
 * Findings about a database whose records this tool does not read, because opencode 2.x or an unknown newer opencode
 * wrote it. Only its pages are checked.
 */
export async function unreadFindings(
  { description, origin, problem, damage }: OpenedStore & { state: "unread" },
  store: number,
  access: Access,
): Promise<ConfirmedFinding[]> {
  const said = databaseFinding({ ...problem, evidence: notRead(problem.code, origin) }, description, store);
  const evidence = access === "beside-host" ? null : await damage().catch(() => null);
  if (evidence === null) return [said];
  const found = { code: MALFORMED_NOT_SALVAGEABLE.code, severity: "blocking", evidence } as const;
  return [said, databaseFinding(found, description, store)];
}

/**
 * Which versions of opencode wrote a database whose rows were read. If the database is damaged, its pages are searched
 * for signs of these versions too.
 */
export async function originOfRead(
  opened: OpenedStore & { state: "ok" },
  found: readonly ConfirmedFinding[],
  access: Access,
): Promise<Origin | null> {
  if (opened.origin === null) return null;
  const origin = withMessagesOf2x(opened.origin, opened.sessionsOf2x());
  return originOfDamaged(opened.description, origin, found, access);
}

/**
 * Which versions of opencode wrote a database. `stated` is the answer from the tables that SQLite can read. If the
 * database is damaged, its pages are searched for further signs.
 */
export async function originOfDamaged(
  description: StoreDescription,
  stated: Origin,
  found: readonly ConfirmedFinding[],
  access: Access,
): Promise<Origin> {
  // Inside opencode, this tool must not open the files of the database. Closing such a file would drop the locks of
  // opencode's own SQLite.
  if (access === "beside-host" || !found.some(advisesSalvage)) return stated;
  const { originBehind } = await import("../stores/other-databases.ts");
  return originBehind(description, stated);
}

/**
 * A finding which warns that this database was also written by opencode 2.x, or by a version that is newer than this
 * tool knows. For all other databases, the list is empty.
 */
export function originFinding(origin: Origin | null, description: StoreDescription, store: number): ConfirmedFinding[] {
  const fault = origin === null ? null : originFault(origin);
  if (origin === null || fault === null) return [];
  const { code } = fault;
  return [databaseFinding({ code, severity: "warning", evidence: notRead(code, origin) }, description, store)];
}

/** The evidence that names the tables that were read, and the tables that were not read. */
function notRead(code: string, { kind, sign }: Origin): string {
  if (code === SCHEMA_NEWER.code) return `${sign}, newer than this tool knows`;
  if (kind === "1.x and 2.x") {
    return `${sign}; read: project, session, message, part, todo, event; not read: session_v2, session_message and all other tables of 2.x`;
  }
  return kind === "2.x" ? `${sign}; no table was read` : `${sign}; not read`;
}
