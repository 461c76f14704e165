import { sep } from "node:path";
import type { FileSystem } from "./file-system.ts";

/**
 * Whether two existing paths are two spellings of one path, on a file system that ignores case or the form of accents.
 * If a parent folder lists both spellings, they are two entries and not one path. This is so even if one entry is a
 * link to the other.
 */
export async function isOneSpelledTwice(files: FileSystem, path: string, other: string): Promise<boolean> {
  const plain = (text: string) => text.normalize("NFC").toLowerCase();
  if (plain(path) !== plain(other)) return false;
  const [names, others] = [path.split(sep), other.split(sep)];
  for (const [index, name] of names.entries()) {
    if (name === others[index]) continue;
    // The separator at the end is needed on Windows: `C:` alone is not the root of the drive.
    const listed = await files.list(names.slice(0, index).join(sep) + sep);
    const has = (wanted: string | undefined) => listed?.some((entry) => entry.name === wanted);
    if (has(name) && has(others[index])) return false;
  }
  return true;
}
