import type { ManifestItem } from "../../model/manifest-item.ts";
import type { FileSystem } from "../../platform/file-system.ts";
import { sha256 } from "../../platform/hash.ts";
import { writeItem } from "../item-files.ts";
import { itemFileName, type Operation } from "../writer.ts";

/**
 * Writes a file with the list of the rows that a change will add to a database. Returns the manifest item that names
 * this file. The item has no original, because an undo removes the listed rows. `name`: the name of the file, without
 * the number of the item. `source`: where the added rows come from, if the operation does not say it.
 */
export async function listedItem(
  files: FileSystem,
  folder: string,
  listed: object,
  what: Pick<ManifestItem, "id" | "kind" | "recordID" | "locator"> & { readonly name: string; readonly source: string },
  { code, evidence, remedy, replacement }: Operation,
): Promise<ManifestItem> {
  const { id, kind, recordID, locator, name, source } = what;
  const text = Buffer.from(JSON.stringify(listed));
  const file = itemFileName(id, name);
  await writeItem(files, folder, file, text);
  return {
    ...{ id, kind, recordID, locator, code, evidence, remedy },
    state: "planned",
    original: null,
    replacement: { source: replacement?.source ?? source, sha256: sha256(text), file, bytes: text.length },
  };
}
