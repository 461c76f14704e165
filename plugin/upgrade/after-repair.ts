import type { CellValue } from "../model/artifact.ts";
import type { ConfirmedFinding } from "../model/finding.ts";
import type { Replacement } from "../model/replacement.ts";
import { withFields } from "../records/fields.ts";
import type { SourceRecord, SourceSession } from "../stores/source-session.ts";

/** Returns a session as it will be after its problems are repaired. Writes nothing. */
export function afterRepair(session: SourceSession, findings: readonly ConfirmedFinding[]): SourceSession {
  const byRecord = new Map(
    findings.map(
      ({ kind, recordID, replacement, rebuilt }) => [`${kind} ${recordID}`, rebuilt ?? replacement] as const,
    ),
  );
  const apply = <T extends SourceRecord>(kind: "message" | "part", record: T): T =>
    recordAfter(record, byRecord.get(`${kind} ${record.id}`) ?? null);
  const messages = session.messages.map((record) => apply("message", record));
  const renamed = new Map(session.messages.map(({ id }, index) => [id, messages[index]?.id ?? id]));
  const parts = session.parts.map((record) => {
    const part = apply("part", record);
    return { ...part, messageID: renamed.get(part.messageID) ?? part.messageID };
  });
  return { ...session, messages, parts };
}

/** Returns a record as it will be after a replacement. */
export function recordAfter<T extends SourceRecord>(record: T, made: Replacement | null): T {
  const content = made?.content;
  if (content === undefined || "rows" in content || "bytes" in content || "table" in content) return record;
  if ("cells" in content) return withCells(record, content.cells);
  const changed = record.document?.ok === true ? withFields(record.document.value, content.fields) : null;
  return changed === null ? record : { ...record, document: { ok: true, value: changed.value } };
}

function withCells<T extends SourceRecord>(record: T, cells: ReadonlyMap<string, CellValue>): T {
  const text = (name: string) => {
    const cell = cells.get(name);
    return cell !== undefined && "bytes" in cell ? Buffer.from(cell.bytes).toString("utf8") : null;
  };
  const number = (name: string) => {
    const cell = cells.get(name);
    return cell !== undefined && "number" in cell ? Number(cell.number) : null;
  };
  const data = text("data");
  const id = text("id") ?? record.id;
  return {
    ...record,
    id,
    messageID: record.messageID === record.id ? id : (text("message_id") ?? record.messageID),
    sessionID: text("session_id") ?? record.sessionID,
    created: number("time_created") ?? record.created,
    updated: number("time_updated") ?? record.updated,
    ...(data !== null && { document: { ok: true, value: JSON.parse(data) as unknown } }),
  };
}
