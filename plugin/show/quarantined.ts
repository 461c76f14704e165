import { join } from "node:path";
import { type CellValue, LARGEST_LOADED_BYTES } from "../model/artifact.ts";
import type { ManifestItem } from "../model/manifest-item.ts";
import type { FileSystem } from "../platform/file-system.ts";
import { sha256 } from "../platform/hash.ts";
import { runsOfSession } from "../quarantine/vault.ts";
import type { StoredDocument, StoredMessage } from "../stores/conversation.ts";
import { loadRow } from "../stores/sqlite/row-item.ts";
import type { ConversationReader } from "../stores/store.ts";
import type { MessageOf2x } from "./transcript-2x.ts";

/** A record that a repair moved to quarantine and that was not restored. */
export interface QuarantinedRecord {
  readonly runID: string;
  readonly kind: ManifestItem["kind"];
  readonly recordID: string | null;
  readonly code: string;
  readonly evidence: string;
  readonly bytes: number;
  /** For a message or part: its former place in the session, and its content. */
  readonly place: { readonly messageID: string; readonly document: StoredDocument } | null;
  /** For a message of opencode 2.x: the row of the message. */
  readonly of2x: MessageOf2x | null;
  /** Whether the record is healthy, and was quarantined only together with its message. */
  readonly isHealthy: boolean;
}

/** The quarantined records of a session, the newest runs first. Reads only. */
export async function quarantinedRecords(
  files: FileSystem,
  dataDir: string,
  sessionID: string,
): Promise<QuarantinedRecord[]> {
  const found: QuarantinedRecord[] = [];
  for (const run of await runsOfSession(files, dataDir, sessionID)) {
    if (!run.ok || run.manifest.sessionID !== sessionID) continue;
    const { runID, items } = run.manifest;
    for (const item of items) {
      if (item.state !== "done" || item.remedy !== "quarantine") continue;
      const { kind, recordID, code, evidence, original, partOf } = item;
      const of2x = await messageOf2x(files, run.folder, item);
      const place = of2x === null ? await formerPlace(files, run.folder, item) : null;
      const common = { runID, kind, recordID, code, evidence, bytes: original?.bytes ?? 0 };
      found.push({ ...common, place, of2x, isHealthy: partOf !== undefined });
    }
  }
  return found;
}

/**
 * The former place of an item in its session, and the content of its original; `null` if the item is not a message or
 * part.
 */
export async function formerPlace(
  files: FileSystem,
  folder: string,
  { kind, recordID, locator, original }: ManifestItem,
): Promise<QuarantinedRecord["place"]> {
  if (original === null || recordID === null || (kind !== "message" && kind !== "part")) return null;
  if ("path" in locator) {
    const messageID = kind === "message" ? recordID : /\/part\/([^/]+)\//.exec(locator.path)?.[1];
    if (messageID === undefined) return null;
    const bytes = await savedBytes(files, folder, original);
    const timeMs = original.mtime === null ? null : Date.parse(original.mtime);
    const common = { recordID, locator, storage: "file" as const, size: original.bytes, bytes };
    return { messageID, document: { ...common, timeMs, updatedMs: null } };
  }
  const row = original.row === undefined ? null : await loadRow(files, folder, locator.table, original.row);
  const data = row?.cells.get("data");
  if (row === null || data === undefined || !("bytes" in data)) return null;
  const { storage } = data;
  const bytes = Buffer.from(data.bytes);
  const messageID = kind === "message" ? recordID : textIn(row.cells.get("message_id"));
  if (messageID === null) return null;
  const timeMs = numberIn(row.cells.get("time_created"));
  const updatedMs = numberIn(row.cells.get("time_updated"));
  return { messageID, document: { recordID, locator, storage, size: bytes.length, bytes, timeMs, updatedMs } };
}

async function messageOf2x(
  files: FileSystem,
  folder: string,
  { recordID, locator, original }: ManifestItem,
): Promise<MessageOf2x | null> {
  if ("path" in locator || locator.table !== "session_message" || recordID === null) return null;
  const row = original?.row === undefined ? null : await loadRow(files, folder, locator.table, original.row);
  const data = row?.cells.get("data");
  const bytes = data !== undefined && "bytes" in data ? Buffer.from(data.bytes) : null;
  return {
    id: recordID,
    type: textIn(row?.cells.get("type")) ?? "unknown",
    seq: numberIn(row?.cells.get("seq")) ?? Number.POSITIVE_INFINITY,
    timeMs: numberIn(row?.cells.get("time_created")),
    size: bytes?.length ?? original?.bytes ?? 0,
    bytes,
  };
}

function textIn(cell: CellValue | undefined): string | null {
  return cell !== undefined && "bytes" in cell ? Buffer.from(cell.bytes).toString("utf8") : null;
}

function numberIn(cell: CellValue | undefined): number | null {
  return cell !== undefined && "number" in cell ? Number(cell.number) : null;
}

async function savedBytes(
  files: FileSystem,
  folder: string,
  { file, offset, bytes: length, sha256: hash }: NonNullable<ManifestItem["original"]>,
): Promise<Buffer | null> {
  if (length > LARGEST_LOADED_BYTES) return null;
  const path = join(folder, file);
  if ((await files.stat(path))?.type !== "file") return null;
  const bytes = offset === undefined ? await files.read(path) : await files.readPiece(path, offset, length);
  return typeof bytes === "string" || sha256(bytes) !== hash ? null : bytes;
}

/**
 * The messages of a session, with quarantined records in their former places. Parts are placed in their message by id.
 * Messages are placed by time (JSON files: by id), as opencode orders them. A record that was restored is left out.
 * Parts are left out too if their message is neither in the store nor in quarantine, because opencode itself removed
 * that message.
 */
export async function* withQuarantined(
  messages: AsyncIterable<StoredMessage>,
  quarantined: readonly QuarantinedRecord[],
  conversations: Pick<ConversationReader, "order" | "remainingParts">,
): AsyncIterable<StoredMessage> {
  const parts = new Map<string, StoredDocument[]>();
  const gone = new Map<string, StoredDocument>();
  for (const { kind, place } of quarantined) {
    if (place === null) continue;
    const { messageID, document } = place;
    if (kind === "message" && !gone.has(messageID)) gone.set(messageID, document);
    if (kind === "part") parts.set(messageID, [...(parts.get(messageID) ?? []), document]);
  }
  const completed = ({ messageID, document, parts: own }: StoredMessage): StoredMessage => {
    const known = new Set(own.map(({ recordID }) => recordID));
    const added: StoredDocument[] = [];
    for (const part of parts.get(messageID) ?? []) {
      if (known.has(part.recordID)) continue;
      known.add(part.recordID);
      added.push(part);
    }
    const inOrder = added.length === 0 ? own : [...own, ...added].sort((a, b) => (a.recordID < b.recordID ? -1 : 1));
    return { messageID, document: document ?? gone.get(messageID) ?? null, parts: inOrder };
  };
  const waiting = [...gone].map(([messageID, document]) => ({ messageID, document }));
  waiting.sort((a, b) => orderOf(a, b, conversations.order));
  const partsLeft = async (messageID: string) => (await conversations.remainingParts?.(messageID)) ?? [];
  for await (const message of messages) {
    const own = waiting.findIndex(({ messageID }) => messageID === message.messageID);
    if (own >= 0) waiting.splice(own, 1);
    for (
      let next = waiting[0];
      next !== undefined && orderOf(next, message, conversations.order) < 0;
      next = waiting[0]
    ) {
      waiting.shift();
      yield completed({ ...next, parts: await partsLeft(next.messageID) });
    }
    yield completed(message);
  }
  for (const next of waiting) yield completed({ ...next, parts: await partsLeft(next.messageID) });
}

type Ordered = Pick<StoredMessage, "messageID" | "document">;

/** Compares the places of two messages. A message whose record is missing comes last. */
function orderOf(a: Ordered, b: Ordered, order: ConversationReader["order"]): number {
  const byID = a.messageID < b.messageID ? -1 : 1;
  if (order === "id") return byID;
  const [first, second] = [
    a.document?.timeMs ?? Number.POSITIVE_INFINITY,
    b.document?.timeMs ?? Number.POSITIVE_INFINITY,
  ];
  return first === second ? byID : first - second;
}
