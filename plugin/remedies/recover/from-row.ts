import { type Artifact, isFileLocator, type RowValues } from "../../model/artifact.ts";
import type { Replacement } from "../../model/replacement.ts";
import { type Fields, isFields, parseDocument } from "../../stores/conversation.ts";
import { messageFolder, partFolder, sessionFolder } from "../../stores/json/layout.ts";
import type { Store } from "../../stores/store.ts";

/**
 * Recovers a damaged file of opencode 1.0-1.1 from the database row of the same record, in the form that these versions
 * write. The row must have been written after `writtenMs`, the modification time of the file. Returns `null` if there
 * is no such row, or if the row belongs to another parent.
 */
export async function copyFromRow(rows: Store, file: Artifact, writtenMs: number): Promise<Replacement | null> {
  const { kind, recordID, sessionID, locator } = file;
  if (recordID === null || !isFileLocator(locator)) return null;
  if (kind !== "session" && kind !== "message" && kind !== "part") return null;
  const record =
    kind === "session" ? await sessionRecord(rows, recordID) : await document(rows, kind, sessionID, recordID);
  if (record === null || !(record.writtenMs >= writtenMs) || locator.path !== `${record.folder}/${recordID}.json`)
    return null;
  const bytes = Buffer.from(JSON.stringify(record.value, null, 2));
  return { source: `the ${kind} of the same id in the database`, content: { bytes } };
}

interface RowRecord {
  readonly value: Fields;
  /** The folder in which opencode expects the file of this record. */
  readonly folder: string;
  readonly writtenMs: number;
}

async function document(
  rows: Store,
  kind: "message" | "part",
  sessionID: string | null,
  id: string,
): Promise<RowRecord | null> {
  const artifact: Artifact = { kind, sessionID, recordID: id, locator: { table: kind, key: { id } } };
  const place = rows.places?.of(artifact) ?? null;
  const evidence = await rows.examine(artifact);
  if (place === null || place.sessionID === null || evidence === null) return null;
  const { bytes, storage, updatedMs } = evidence;
  if (bytes === null || storage === "row" || updatedMs === null) return null;
  const parsed = parseDocument({ bytes: Buffer.from(bytes), storage });
  if (!parsed.ok || !isFields(parsed.value)) return null;
  const ids = { id, sessionID: place.sessionID };
  if (kind === "message") {
    return { value: { ...ids, ...parsed.value, ...ids }, folder: messageFolder(place.sessionID), writtenMs: updatedMs };
  }
  if (place.messageID === null) return null;
  const value = { ...ids, messageID: place.messageID, ...parsed.value, ...ids };
  return { value, folder: partFolder(place.messageID), writtenMs: updatedMs };
}

async function sessionRecord(rows: Store, id: string): Promise<RowRecord | null> {
  const { session } = await rows.conversations.sessionColumns(id);
  if (typeof session?.project_id !== "string" || typeof session.time_updated !== "number") return null;
  const value = sessionFile(id, session.project_id, session);
  const writtenMs = Math.max(session.time_updated, await importedMs(rows, id));
  return value === null ? null : { value, folder: sessionFolder(session.project_id), writtenMs };
}

/**
 * The time at which an import wrote a session into the database, in milliseconds; 0 if unknown. The session's row keeps
 * the time of the old file, so the row of the first message is used.
 */
async function importedMs(rows: Store, sessionID: string): Promise<number> {
  for await (const { messageID } of rows.conversations.messages(sessionID)) {
    const locator = { table: "message", key: { id: messageID } };
    const row = rows.importTrace?.importedRow({ kind: "message", sessionID, recordID: messageID, locator });
    return row?.isUnchanged === true ? row.writtenMs : 0;
  }
  return 0;
}

/**
 * The content of a session file, made from the columns of its row: the reverse of the import by 1.2-1.14. Returns
 * `null` if a required column cannot be read.
 */
function sessionFile(id: string, projectID: string, row: RowValues): Fields | null {
  const { slug, version, directory, title, parent_id: parentID, share_url: url } = row;
  const { time_created: created, time_updated: updated, summary_additions: additions } = row;
  if (typeof directory !== "string" || typeof title !== "string" || typeof created !== "number") return null;
  const [diffs, revert, permission] = [row.summary_diffs, row.revert, row.permission].map(parsedColumn);
  const summary = { additions, deletions: row.summary_deletions, files: row.summary_files };
  return {
    id,
    slug,
    version,
    projectID,
    directory,
    ...(typeof parentID === "string" ? { parentID } : {}),
    title,
    time: {
      created,
      updated,
      ...(typeof row.time_compacting === "number" ? { compacting: row.time_compacting } : {}),
      ...(typeof row.time_archived === "number" ? { archived: row.time_archived } : {}),
    },
    ...(additions === null ? {} : { summary: { ...summary, ...(diffs === undefined ? {} : { diffs }) } }),
    ...(typeof url === "string" ? { share: { url } } : {}),
    ...(revert === undefined ? {} : { revert }),
    ...(permission === undefined ? {} : { permission }),
  };
}

function parsedColumn(value: RowValues[string] | undefined): unknown {
  if (typeof value !== "string") return undefined;
  const parsed = parseDocument({ bytes: Buffer.from(value, "utf8"), storage: "text" });
  return parsed.ok ? (parsed.value ?? undefined) : undefined;
}
