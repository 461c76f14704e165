import { basename, join } from "node:path";
import { isFileLocator } from "../../model/artifact.ts";
import type { ManifestItem } from "../../model/manifest-item.ts";
import type { ContentHash, Replacement } from "../../model/replacement.ts";
import { PRIVATE_FILE } from "../../platform/durable.ts";
import { sha256 } from "../../platform/hash.ts";
import { moveNoClobber, OccupiedError } from "../../platform/move.ts";
import { recordedFields, withFields } from "../../records/fields.ts";
import { fileText } from "../../records/file-text.ts";
import { writeItem } from "../item-files.ts";
import { itemFileName, type Operation } from "../writer.ts";
import type { LiveFiles } from "./live-files.ts";

/**
 * Replaces files of opencode 1.0-1.1. The new file is first written into the repair's folder in quarantine, and then
 * moved into place.
 */
export class FileReplacements {
  readonly #live: LiveFiles;

  constructor(live: LiveFiles) {
    this.#live = live;
  }

  /**
   * Writes the new file into the repair's folder in quarantine; `null` if the replacement does not fit the present
   * file.
   */
  async save(
    id: string,
    { locator, replacement }: Operation,
    path: string | null,
    folder: string,
  ): Promise<ManifestItem["replacement"] | null> {
    if (replacement === null || !isFileLocator(locator)) return null;
    const bytes = await this.#replacingBytes(replacement.content, path);
    if (bytes === null) return null;
    const file = itemFileName(id, `new-${basename(locator.path)}`);
    await writeItem(this.#live.files, folder, file, bytes);
    return {
      source: replacement.source,
      sha256: sha256(bytes),
      file,
      bytes: bytes.length,
      ...recordedFields(replacement.content),
    };
  }

  async #replacingBytes(content: Replacement["content"], path: string | null): Promise<Uint8Array | null> {
    if ("bytes" in content) return content.bytes;
    if (!("fields" in content) || path === null) return null;
    const bytes = await this.#live.files.read(path);
    if (typeof bytes === "string") return null;
    const completed = withFields(JSON.parse(fileText(bytes)), content.fields);
    // opencode 1.0-1.1 writes its records in this form, with two spaces of indentation.
    return completed === null ? null : Buffer.from(JSON.stringify(completed.value, null, 2));
  }

  /**
   * Moves the new file from the repair's folder to the place of the record, unless another file is in that place.
   * Returns whether the new file is in place.
   */
  async putInPlace(item: ManifestItem, folder: string): Promise<boolean> {
    const path = await this.#live.livePath(item.locator);
    const { replacement, original } = item;
    if (path === null || replacement?.file === undefined) return false;
    const prepared = join(folder, replacement.file);
    if (!(await this.#live.holds(prepared, contentOf(replacement)))) return false;
    await this.#live.makeParents(path);
    await this.#live.files.chmod(prepared, original?.mode == null ? 0o644 : Number.parseInt(original.mode, 8));
    try {
      await moveNoClobber(this.#live.files, prepared, path);
      return true;
    } catch (error) {
      if (!(error instanceof OccupiedError)) throw error;
      const [ready, live] = [await this.#live.files.stat(prepared), await this.#live.files.stat(path)];
      // If an earlier repair crashed between link and unlink, the new file has both names. Then it is already in place.
      const isLinked = ready !== null && ready.links > 1;
      const isInPlace = isLinked && ready.inode === live?.inode && ready.device === live.device;
      if (isInPlace) await this.#live.files.unlink(prepared);
      else await this.#live.files.chmod(prepared, PRIVATE_FILE);
      return isInPlace;
    }
  }

  /** Removes the new file from the place of the record, if it is unchanged. Returns whether that place is free now. */
  async takeBack(item: ManifestItem, path: string, folder: string): Promise<boolean> {
    const { replacement } = item;
    if ((await this.#live.files.stat(path)) === null) return true;
    if (replacement?.file === undefined || !(await this.#live.holds(path, contentOf(replacement)))) return false;
    const prepared = join(folder, replacement.file);
    if (await this.#live.holds(prepared, contentOf(replacement))) await this.#live.files.unlink(path);
    else await moveNoClobber(this.#live.files, path, prepared);
    if ((await this.#live.files.stat(prepared))?.links === 1) await this.#live.files.chmod(prepared, PRIVATE_FILE);
    return true;
  }
}

function contentOf(replacement: NonNullable<ManifestItem["replacement"]>): ContentHash {
  return { bytes: replacement.bytes ?? -1, sha256: replacement.sha256 };
}
