import { join } from "node:path";
import { LARGEST_LOADED_BYTES } from "../../model/artifact.ts";
import type { Replacement } from "../../model/replacement.ts";
import type { FileSystem } from "../../platform/file-system.ts";
import { fileText } from "../../records/file-text.ts";
import { isFields, numberIn } from "../../stores/conversation.ts";
import { isPlainID, messageFolder, partFolder, sessionFolder } from "../../stores/json/layout.ts";
import type { ImportedRow } from "../../stores/store.ts";
import { type EventSetting, recordCells, type Wanted } from "./from-events.ts";

/**
 * Recovers a row from the file of opencode 1.0-1.1 from which opencode 1.2-1.14 imported the row. The import left the
 * files in place. The file is used only if neither file nor row was written after the import. Returns `null` if there
 * is no such file, or if opencode would not load its content.
 */
export async function copyFromFile(
  files: FileSystem,
  wanted: Wanted,
  row: ImportedRow,
  setting: EventSetting,
): Promise<Replacement | null> {
  const { kind, recordID } = wanted.artifact;
  if ((kind !== "session" && kind !== "message" && kind !== "part") || recordID === null) return null;
  if (![row.parentID, recordID].every(isPlainID)) return null;
  const folder = { session: sessionFolder, message: messageFolder, part: partFolder }[kind](row.parentID);
  const path = `${folder}/${recordID}.json`;
  const full = join(setting.store.dataDir, path);
  const found = await files.stat(full).catch(() => null);
  const record = found?.type === "file" ? await readRecord(files, full) : null;
  if (found === null || record === null) return null;
  // A session records its own time of change, and the import copied that time into the row. Equal times show that
  // neither was changed since.
  const isSame =
    kind === "session"
      ? numberIn(record, "time", "updated") === row.writtenMs
      : row.isUnchanged && found.mtimeMs <= row.writtenMs;
  if (!isSame) return null;
  const cells = recordCells(wanted, { what: "record", kind, record, time: null }, setting);
  return cells === null ? null : { source: `${path}, which the row was imported from`, content: { cells } };
}

async function readRecord(files: FileSystem, path: string) {
  try {
    const bytes = await files.read(path, LARGEST_LOADED_BYTES);
    const value: unknown = typeof bytes === "string" ? null : JSON.parse(fileText(bytes));
    return isFields(value) ? value : null;
  } catch {
    return null;
  }
}
