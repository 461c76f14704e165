import type { FolderChanges } from "./system.ts";
import { thisSystem } from "./this-system.ts";

/** Starts to report changes in folders below a root; `null` if this system or runtime cannot do that. */
export async function openFolderChanges(root: string): Promise<FolderChanges | null> {
  try {
    return (await (await thisSystem()).followFolders?.(root)) ?? null;
  } catch {
    return null;
  }
}
