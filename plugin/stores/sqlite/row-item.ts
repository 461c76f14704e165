import { join } from "node:path";
import type { FileSystem } from "../../files/file-system.ts";
import { sha256 } from "../../files/hash.ts";
import type { ManifestCell, ManifestItem } from "../../quarantine/manifest.ts";
import { writeItem } from "../../quarantine/vault.ts";
import { isWellFormedUtf8 } from "../../records/file-text.ts";
import { itemFileName } from "../writer.ts";
import { type CapturedRow, type CellValue, rowHash } from "./row.ts";

/** Longer values get a file of their own, so that a manifest stays readable. */
const INLINE_BYTES = 2048;

type Row = NonNullable<ManifestItem["original"]["row"]>;

/**
 * Writes a captured row into a run's folder: the value that is damaged as a file of its own, byte for byte; the other
 * columns in the manifest, or as files where they are long or not UTF-8.
 */
export async function saveRow(
  files: FileSystem,
  folder: string,
  id: string,
  recordID: string,
  damagedColumn: string,
  row: CapturedRow,
): Promise<ManifestItem["original"]> {
  const columns: Record<string, ManifestCell> = {};
  let damaged: { file: string; bytes: number; sha256: string } | null = null;
  for (const [name, cell] of row.cells) {
    const file = itemFileName(id, `${recordID}.${name}`);
    columns[name] = await saveCell(files, folder, file, cell, name === damagedColumn);
    const saved = columns[name];
    if (name === damagedColumn && "value" in saved && "file" in saved.value) damaged = saved.value;
  }
  if (damaged === null) throw new TypeError("The damaged column of a row holds no text or BLOB.");
  return { ...damaged, mtime: null, mode: null, row: { rowID: row.rowID, sha256: rowHash(row), columns } };
}

async function saveCell(
  files: FileSystem,
  folder: string,
  file: string,
  cell: CellValue,
  always: boolean,
): Promise<ManifestCell> {
  if (!("bytes" in cell)) return cell;
  if (!always && cell.bytes.length <= INLINE_BYTES && cell.storage === "text" && isWellFormedUtf8(cell.bytes)) {
    return { storage: cell.storage, value: { text: Buffer.from(cell.bytes).toString("utf8") } };
  }
  await writeItem(files, folder, file, cell.bytes);
  return { storage: cell.storage, value: { file, bytes: cell.bytes.length, sha256: sha256(cell.bytes) } };
}

/** Reads a saved row back; `null` where a file is missing or anything differs from its recorded hash. */
export async function loadRow(
  files: FileSystem,
  folder: string,
  table: string,
  saved: Row,
): Promise<CapturedRow | null> {
  const cells = new Map<string, CellValue>();
  for (const [name, cell] of Object.entries(saved.columns)) {
    const loaded = await loadCell(files, folder, cell);
    if (loaded === null) return null;
    cells.set(name, loaded);
  }
  const row: CapturedRow = { table, rowID: saved.rowID, cells };
  return rowHash(row) === saved.sha256 ? row : null;
}

async function loadCell(files: FileSystem, folder: string, cell: ManifestCell): Promise<CellValue | null> {
  if (!("value" in cell)) return cell;
  if ("text" in cell.value) return { storage: cell.storage, bytes: Buffer.from(cell.value.text, "utf8") };
  const path = join(folder, cell.value.file);
  if ((await files.stat(path))?.type !== "file") return null;
  const bytes = await files.read(path);
  if (typeof bytes === "string" || sha256(bytes) !== cell.value.sha256) return null;
  return { storage: cell.storage, bytes };
}
