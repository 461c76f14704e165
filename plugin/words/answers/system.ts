import { THIS_SYSTEM } from "../../hosts/folder-paths.ts";
import { pathSystem } from "../../hosts/store-line.ts";
import type { StoreDescription } from "../../model/store-description.ts";

/** One line for the user about stores that opencode on another system wrote; `null` if there are none. */
export function systemSentence(stores: readonly { readonly description: StoreDescription }[]): string | null {
  const isForeign = stores.some(({ description }) => pathSystem(description) !== THIS_SYSTEM);
  if (!isForeign) return null;
  const written = THIS_SYSTEM === "windows" ? "Linux or macOS" : "Windows";
  return `The folders in this store are paths of ${written}, so the store was checked as opencode on ${written} reads it. To use its sessions on this system, run \`opencode-session-repair rescue --relink --from FOLDER --to FOLDER\`.`;
}
