import { plural } from "./amounts.ts";

/** The note at the end of a text of which only the beginning is printed. */
export function leftUnprinted(bytes: number): string {
  return `… (${plural(bytes, "more byte")}; \`show --json\` prints the whole text)`;
}

/** The note in the place of the rest of a text that was changed after its beginning was read. */
export const TEXT_CHANGED = "The text changed while it was read. Run show again.";
