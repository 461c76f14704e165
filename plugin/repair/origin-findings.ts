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
 * Findings for a database of 2.x, or of an opencode newer than this tool knows. Only the pages of this database can be
 * checked.
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
 * The origin of a database that was read. The rows show the origin; if the database is damaged, its pages are read too.
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

/** The origin of a database for which SQLite returned only `stated`. If it is damaged, its pages are read too. */
export async function originOfDamaged(
  description: StoreDescription,
  stated: Origin,
  found: readonly ConfirmedFinding[],
  access: Access,
): Promise<Origin> {
  // Inside the host, no file of the database may be opened.
  if (access === "beside-host" || !found.some(advisesSalvage)) return stated;
  const { originBehind } = await import("../stores/other-databases.ts");
  return originBehind(description, stated);
}

/** The finding about a database that does not belong to 1.x alone. */
export function originFinding(origin: Origin | null, description: StoreDescription, store: number): ConfirmedFinding[] {
  const fault = origin === null ? null : originFault(origin);
  if (origin === null || fault === null) return [];
  const { code } = fault;
  return [databaseFinding({ code, severity: "warning", evidence: notRead(code, origin) }, description, store)];
}

/** The finding states which records were read and which were not. */
function notRead(code: string, { kind, sign }: Origin): string {
  if (code === SCHEMA_NEWER.code) return `${sign}, newer than this tool knows`;
  if (kind === "1.x and 2.x") {
    return `${sign}; read: project, session, message, part, todo, event; not read: session_v2, session_message and all other tables of 2.x`;
  }
  return kind === "2.x" ? `${sign}; no table was read` : `${sign}; not read`;
}
