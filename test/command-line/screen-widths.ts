import { columns } from "../../plugin/words/text-layout.ts";

export const WIDTHS = [40, 80, 120] as const;

/** A terminal, as the layout functions use it. With `isStyled`, styled text contains escape sequences. */
export function screenOf(width: number, { isScreen = true, isStyled = false, ellipsis = "…" } = {}) {
  return {
    width,
    isScreen,
    ellipsis,
    style: (_: string, text: string) => (isStyled ? `\x1b[1m${text}\x1b[22m` : text),
    completed: (text: string) => text,
  };
}

/** Returns the lines that are too wide. Lines with a command are left out, because users copy them whole. */
export function tooWide(text: string, width: number): string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: styles are control characters
  const plain = text.replace(/\x1b\[\d+m/g, "");
  return plain.split("\n").filter((line) => columns(line) > width && !line.includes("opencode-session-repair "));
}
