import { plural } from "./amounts.ts";

/** The note at the end of a text that is not printed completely. */
export function leftUnprinted(bytes: number): string {
  return `… (${plural(bytes, "more byte")}; \`show --json\` prints the whole text)`;
}

/** The note that replaces the rest of a text, if the text changed after its beginning was read. */
export const TEXT_CHANGED = "The text changed while it was read. Run show again.";
