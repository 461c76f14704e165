import { join } from "node:path";
import type { StoreDescription } from "../model/store-description.ts";
import { PRIVATE_FILE } from "../platform/durable.ts";
import type { FileSystem } from "../platform/file-system.ts";
import { readSourceSession } from "../stores/sqlite/source-rows.ts";
import type { DatabaseStore } from "../stores/store.ts";
import { afterRepair } from "./after-repair.ts";
import { findingsOf } from "./findings-of.ts";
import { asImported } from "./import-contract.ts";
import { missingIn2x } from "./missing.ts";
import { importOutcomes } from "./outcomes.ts";
import { transferFile } from "./transfer-file.ts";
import type { MissingCause } from "./twins.ts";

export interface ExportedFor2x {
  readonly sessionID: string;
  readonly cause: MissingCause;
  /** The name of the written file, without its folder. */
  readonly file: string;
  /** The path of the written file. */
  readonly path: string;
  /** The folder in which the user must run `opencode session import`. */
  readonly directory: string | null;
  readonly messages: number;
  /** Records that could not be written to the file. */
  readonly leftOut: readonly { readonly kind: string; readonly recordID: string; readonly why: string }[];
}

/**
 * Finds the sessions of an upgraded database that opencode 2.x does not have, or has only in part. Each of them is
 * written to a file for `opencode session import`. `folder` must exist. A session that 2.x has in part becomes a copy
 * with new ids. Nothing else is written.
 * Returns `null` if a signal stopped the export before all files were written.
 */
export async function exportMissing(
  files: FileSystem,
  store: DatabaseStore,
  sessionIDs: readonly string[],
  folder: string,
  signal?: AbortSignal,
): Promise<readonly ExportedFor2x[] | null> {
  const missing = missingIn2x(store, sessionIDs, signal);
  if (missing === null) return null;
  const description: StoreDescription = asImported(store.description);
  const imported = store.readAs(description);
  const written: ExportedFor2x[] = [];
  const once = new Map(missing.map((each) => [each.sessionID, each]));
  for (const { sessionID, cause } of [...once.values()].sort(byID)) {
    if (signal?.aborted) return null;
    const session = store.query((connection, schema) => readSourceSession(connection, schema, sessionID));
    if (session === null) continue;
    const findings = await findingsOf(imported, session, importOutcomes(session, description), { concurrency: 4 });
    const whole = afterRepair(session, findings);
    const outcomes = importOutcomes(whole, description);
    const document = transferFile(whole, outcomes, cause !== "never-arrived");
    const file = `${sessionID.replace(/[^A-Za-z0-9_-]/g, "_")}.opencode-2.json`;
    const path = join(folder, file);
    await files.writeNew(path, Buffer.from(`${JSON.stringify(document, null, 2)}\n`), PRIVATE_FILE);
    const { directory } = session.row;
    written.push({
      ...{ sessionID, cause, file, path, messages: document.messages.length },
      directory: typeof directory === "string" ? directory : null,
      leftOut: outcomes.departures
        .filter(({ isByDesign, outcome, kind }) => !isByDesign && outcome !== "unreadable" && kind !== "session")
        .map(({ kind, recordID, reason }) => ({ kind, recordID, why: reason })),
    });
  }
  return written;
}

/**
 * Sorts sessions so that a session comes before the sessions of its subagents. Session ids become smaller with time,
 * and a subagent's session is younger.
 */
function byID(one: { readonly sessionID: string }, other: { readonly sessionID: string }): number {
  return one.sessionID < other.sessionID ? 1 : -1;
}
