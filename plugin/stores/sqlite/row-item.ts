import { join } from "node:path";
import type { CellValue } from "../../model/artifact.ts";
import type { CellDigest, ManifestCell, ManifestItem } from "../../model/manifest-item.ts";
import type { FileSystem } from "../../platform/file-system.ts";
import { sha256 } from "../../platform/hash.ts";
import { isWellFormedUtf8 } from "../../records/file-text.ts";
import type { ItemFiles, SavedPlace } from "../item-files.ts";
import { itemFileName } from "../writer.ts";
import { type CapturedRow, rowHash } from "./row.ts";

/** A longer value gets a file of its own, so that people can still read the manifest. */
const INLINE_BYTES = 2048;

type Original = NonNullable<ManifestItem["original"]>;
type Row = NonNullable<Original["row"]>;

/**
 * Saves a captured row into the repair's folder in quarantine. The damaged value gets a file of its own, byte for byte.
 * Other columns are in the manifest, or in files if they are long or not UTF-8. If no single value is damaged
 * (`damagedColumn` is `null`), one file holds the whole row in a form that people can read.
 */
export async function saveRow(
  files: ItemFiles,
  id: string,
  recordID: string,
  damagedColumn: string | null,
  row: CapturedRow,
): Promise<Original> {
  const columns: Record<string, ManifestCell> = {};
  let damaged: (SavedPlace & { bytes: number; sha256: string }) | null = null;
  for (const [name, cell] of row.cells) {
    const file = itemFileName(id, `${recordID}.${name}`);
    columns[name] = await saveCell(files, file, cell, name === damagedColumn);
    const saved = columns[name];
    if (name === damagedColumn && "value" in saved && "file" in saved.value) damaged = saved.value;
  }
  if (damagedColumn === null) {
    const text = plainRow(row);
    const file = itemFileName(id, `${recordID}.row.json`);
    const place = await files.save(file, text);
    damaged = { ...place, bytes: text.length, sha256: sha256(text) };
  }
  if (damaged === null) throw new TypeError("The damaged column of a row holds neither text nor a BLOB.");
  return { ...damaged, mtime: null, mode: null, row: { rowID: row.rowID, sha256: rowHash(row), columns } };
}

/** A row as JSON for people to read. UTF-8 text is written as it is, and other bytes in base64. */
export function plainRow({ table, rowID, cells }: CapturedRow): Buffer {
  const columns = Object.fromEntries([...cells].map(([name, cell]) => [name, plainCell(cell)]));
  return Buffer.from(`${JSON.stringify({ table, rowID, columns }, null, 2)}\n`);
}

function plainCell(cell: CellValue): Record<string, string> {
  if (!("bytes" in cell)) return { ...cell };
  const bytes = Buffer.from(cell.bytes);
  return isWellFormedUtf8(cell.bytes) && cell.storage === "text"
    ? { storage: cell.storage, text: bytes.toString("utf8") }
    : { storage: cell.storage, base64: bytes.toString("base64") };
}

/** What a manifest records about the content of a column after a repair replaced it. */
export function cellDigest(cell: CellValue): CellDigest {
  if (!("bytes" in cell)) return cell;
  return { storage: cell.storage, bytes: cell.bytes.length, sha256: sha256(cell.bytes) };
}

/** Whether the columns of a row still hold exactly the values whose hashes a manifest records. */
export function holdsCells(row: CapturedRow, digests: Readonly<Record<string, CellDigest>>): boolean {
  return Object.entries(digests).every(([name, digest]) => {
    const cell = row.cells.get(name);
    return cell !== undefined && JSON.stringify(cellDigest(cell)) === JSON.stringify(inOrder(digest));
  });
}

/**
 * Puts the keys of a digest in the order of {@link cellDigest}, so that two digests can be compared as texts. Another
 * program may have rewritten the manifest with its keys in another order.
 */
function inOrder(digest: CellDigest): CellDigest {
  if ("sha256" in digest) return { storage: digest.storage, bytes: digest.bytes, sha256: digest.sha256 };
  return "number" in digest ? { storage: digest.storage, number: digest.number } : { storage: digest.storage };
}

/** The SHA-256 of what a repair wrote: of the single value, or of all its columns together. */
export function replacedHash(table: string, cells: ReadonlyMap<string, CellValue>): string {
  const [only] = cells.values();
  if (cells.size === 1 && only !== undefined && "bytes" in only) return sha256(only.bytes);
  return rowHash({ table, rowID: null, cells });
}

async function saveCell(files: ItemFiles, file: string, cell: CellValue, always: boolean): Promise<ManifestCell> {
  if (!("bytes" in cell)) return cell;
  if (!always && cell.bytes.length <= INLINE_BYTES && cell.storage === "text" && isWellFormedUtf8(cell.bytes)) {
    return { storage: cell.storage, value: { text: Buffer.from(cell.bytes).toString("utf8") } };
  }
  const place = await files.save(file, cell.bytes);
  return { storage: cell.storage, value: { ...place, bytes: cell.bytes.length, sha256: sha256(cell.bytes) } };
}

/** Reads a saved row from quarantine; `null` if a file is missing, or if the row differs from its recorded hash. */
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
  const { file, offset = 0, bytes: length } = cell.value;
  const path = join(folder, file);
  if ((await files.stat(path))?.type !== "file") return null;
  const bytes = cell.value.offset === undefined ? await files.read(path) : await files.readPiece(path, offset, length);
  if (typeof bytes === "string" || sha256(bytes) !== cell.value.sha256) return null;
  return { storage: cell.storage, bytes };
}
