import { join } from "node:path";
import type { SavedFile } from "../model/manifest-item.ts";
import { PRIVATE_FILE } from "../platform/durable.ts";
import type { FileSystem } from "../platform/file-system.ts";

/**
 * Where the bytes of a quarantined record are: a file in the repair's folder in quarantine, or a range of such a file.
 */
export type SavedPlace = Pick<SavedFile, "file" | "offset">;

/** Saves the bytes of quarantined records into the folder of one repair. */
export interface ItemFiles {
  /** Whether the bytes must stay unchanged until {@link flush}. */
  readonly holdsBytes: boolean;
  /**
   * Saves bytes and returns their location. The bytes are certain to be on disk only after {@link flush}. `name` is
   * relative to the repair's folder in quarantine.
   */
  save(name: string, bytes: Uint8Array): Promise<SavedPlace>;
  /** Forces all saved bytes to disk. */
  flush(): Promise<void>;
}

/**
 * Writes the bytes of one record and forces them to disk before the next step. `name` is relative to the repair's
 * folder in quarantine.
 */
export async function writeItem(files: FileSystem, folder: string, name: string, bytes: Uint8Array): Promise<void> {
  await files.writeNew(join(folder, name), bytes, PRIVATE_FILE);
}

/** Saves each record in a file of its own, which a user can find and restore by hand. */
export function separateFiles(files: FileSystem, folder: string): ItemFiles {
  return {
    holdsBytes: false,
    async save(name, bytes) {
      await writeItem(files, folder, name, bytes);
      return { file: name };
    },
    flush: async () => undefined,
  };
}

/**
 * The size of a bundle, in bytes. If the next record would make the collected bytes exceed this size, the collected
 * bytes are first written as one file.
 */
const BUNDLE_BYTES = 8 * 1024 * 1024;

/**
 * Saves many records in a few files. Forcing a separate file to disk for each of thousands of rows would take minutes.
 */
export function bundledFiles(files: FileSystem, folder: string): ItemFiles {
  let gathered: Uint8Array[] = [];
  let size = 0;
  let number = 1;
  const bundles: ItemFiles = {
    holdsBytes: true,
    async save(_name, bytes) {
      if (size > 0 && size + bytes.length > BUNDLE_BYTES) await bundles.flush();
      const place = { file: `items/bundle-${number}`, offset: size };
      gathered.push(bytes);
      size += bytes.length;
      return place;
    },
    async flush() {
      if (gathered.length === 0) return;
      await writeItem(files, folder, `items/bundle-${number}`, Buffer.concat(gathered));
      gathered = [];
      size = 0;
      number += 1;
    },
  };
  return bundles;
}
