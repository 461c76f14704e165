import type { CellValue } from "../model/artifact.ts";
import { columnPath } from "./folder-paths.ts";

type Wire = Readonly<Record<string, unknown>>;

/** The columns of a row, each with its value. */
export type RowForm = ReadonlyMap<string, CellValue>;

const NULL: CellValue = { storage: "null" };

function text(value: unknown): CellValue {
  return typeof value === "string" ? { storage: "text", bytes: Buffer.from(value, "utf8") } : NULL;
}

function integer(value: unknown): CellValue {
  if (typeof value !== "number") return NULL;
  return Number.isInteger(value)
    ? { storage: "integer", number: String(value) }
    : { storage: "real", number: String(value) };
}

/** A number for a REAL column, where SQLite stores whole numbers as reals too. */
function real(value: unknown): CellValue {
  return typeof value === "number" ? { storage: "real", number: String(value) } : NULL;
}

function json(value: unknown): CellValue {
  return value === undefined || value === null ? NULL : text(JSON.stringify(value));
}

function inside(value: unknown): Wire {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

/**
 * The row that opencode 1.17-1.18 writes for a part (measured: equal to opencode's own rows, except for the order of
 * keys). `time`, in milliseconds, is the time of the part's first event. opencode sets `time_updated` by its own clock,
 * so that column may differ.
 */
export function partRow(part: Wire, time: unknown): RowForm {
  const { id, messageID, sessionID, ...document } = part;
  return new Map([
    ["id", text(id)],
    ["message_id", text(messageID)],
    ["session_id", text(sessionID)],
    ["time_created", integer(time)],
    ["time_updated", integer(time)],
    ["data", json(document)],
  ]);
}

/** The row that opencode 1.17-1.18 writes for a message. */
export function messageRow(info: Wire): RowForm {
  const { id, sessionID, ...document } = info;
  const { created } = inside(info.time);
  return new Map([
    ["id", text(id)],
    ["session_id", text(sessionID)],
    ["time_created", integer(created)],
    ["time_updated", integer(created)],
    ["data", json(document)],
  ]);
}

/** The row that opencode 1.17-1.18 writes for a session. */
export function sessionRow(info: Wire): RowForm {
  const [summary, tokens, share, time] = [info.summary, info.tokens, info.share, info.time].map(inside);
  const cache = inside(tokens?.cache);
  return new Map([
    ["id", text(info.id)],
    ["project_id", text(info.projectID)],
    ["workspace_id", text(info.workspaceID)],
    ["parent_id", text(info.parentID)],
    ["slug", text(info.slug)],
    ["directory", text(columnPath(info.directory, info.directory))],
    ["path", text(columnPath(info.path, info.directory))],
    ["title", text(info.title)],
    ["version", text(info.version)],
    ["share_url", text(share?.url)],
    ["summary_additions", integer(summary?.additions)],
    ["summary_deletions", integer(summary?.deletions)],
    ["summary_files", integer(summary?.files)],
    ["summary_diffs", json(summary?.diffs)],
    ["metadata", json(info.metadata)],
    ["cost", real(info.cost ?? 0)],
    ["tokens_input", integer(tokens?.input ?? 0)],
    ["tokens_output", integer(tokens?.output ?? 0)],
    ["tokens_reasoning", integer(tokens?.reasoning ?? 0)],
    ["tokens_cache_read", integer(cache.read ?? 0)],
    ["tokens_cache_write", integer(cache.write ?? 0)],
    ["revert", json(info.revert)],
    ["permission", json(info.permission)],
    ["agent", text(info.agent)],
    ["model", json(info.model)],
    ["time_created", integer(time?.created)],
    ["time_updated", integer(time?.updated)],
    ["time_compacting", integer(time?.compacting)],
    ["time_archived", integer(time?.archived)],
  ]);
}

/** The value of a cell as opencode reads it. */
export function cellValue(cell: CellValue | undefined): string | number | Uint8Array | null {
  if (cell === undefined || cell.storage === "null") return null;
  if ("number" in cell) return Number(cell.number);
  return cell.storage === "text" ? Buffer.from(cell.bytes).toString("utf8") : cell.bytes;
}

/** A value of a session's row as opencode's SQLite stores it. Only the column `cost` has the type REAL. */
export function sessionCell(column: string, value: string | number | Uint8Array | null): CellValue {
  if (value instanceof Uint8Array) return { storage: "blob", bytes: value };
  if (typeof value !== "number") return text(value);
  return column === "cost" ? real(value) : integer(value);
}
