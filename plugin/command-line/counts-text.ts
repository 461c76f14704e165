import { plural, sizeText } from "../repair/words.ts";
import type { Counts } from "../stores/store.ts";

export function countsText(counts: Readonly<Counts>): string {
  const { sessions, messages, parts, bytes } = counts;
  return `${plural(sessions, "session")}, ${plural(messages, "message")}, ${plural(parts, "part")} (${sizeText(bytes)})`;
}
