/**
 * Text from disk made safe for a terminal: nothing in it moves the cursor, sets colours or changes the direction of
 * writing.
 */
export function printable(text: string): string {
  return text
    .replaceAll("\t", "    ")
    .replaceAll("\r\n", "\n")
    .replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, (character) => (character === "\n" ? "\n" : "\ufffd"));
}

const WIDE =
  /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u;
let segmenter: Intl.Segmenter | null = null;

/** The characters of a text as a reader sees them. */
function letters(text: string): Intl.Segments {
  // Creating the segmenter takes some milliseconds, so it is created for the first text that is not ASCII.
  segmenter ??= new Intl.Segmenter();
  return segmenter.segment(text);
}

/** The number of columns of a text on a terminal. */
export function columns(text: string): number {
  // Most text is ASCII, where every character takes one column.
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let sum = 0;
  for (const { segment } of letters(text)) sum += WIDE.test(segment) ? 2 : 1;
  return sum;
}

/**
 * Breaks text into lines of at most `width` columns, at spaces if possible. Every line begins with `indent`, except the
 * first, which begins with `first`. `indent` and `first` have the same number of columns.
 */
export function wrapped(text: string, width: number, indent: string, first = indent): string[] {
  return [...wrappedLines(text, width, indent, first)];
}

/** Like {@link wrapped}, but a command between backticks stays on one line, because users copy it. */
export function wrappedAroundCommands(text: string, width: number, indent: string, first = indent): string[] {
  const held = text.replace(/`[^`]*`/g, (command) => command.replaceAll(" ", HELD_SPACE));
  return wrapped(held, width, indent, first).map((line) => line.replaceAll(HELD_SPACE, " "));
}

/**
 * Yields wrapped lines one after the other. A text may have tens of megabytes, so its lines are not all in memory at
 * once.
 */
export function* wrappedLines(text: string, width: number, indent: string, first = indent): Iterable<string> {
  const room = Math.max(10, width - columns(indent));
  let lead = first;
  for (const line of linesOf(text)) {
    for (const broken of brokenLine(printable(line), room)) {
      yield `${lead}${broken}`.trimEnd();
      lead = indent;
    }
  }
}

/** Yields each line of a text without its line break. Empty lines at the end of the text are left out. */
function* linesOf(text: string): Iterable<string> {
  let end = text.length;
  while (end > 0 && text[end - 1] === "\n") end -= text[end - 2] === "\r" ? 2 : 1;
  for (let start = 0; ; ) {
    const next = text.indexOf("\n", start);
    if (next === -1 || next >= end) {
      yield text.slice(start, end);
      return;
    }
    yield text.slice(start, text[next - 1] === "\r" ? Math.max(start, next - 1) : next);
    start = next + 1;
  }
}

/** The beginning of a line, cut to this many columns. `ellipsis` marks a shortened text. */
export function clipped(text: string, width: number, ellipsis = "…"): string {
  const line = printable(text).replaceAll("\n", " ");
  if (columns(line) <= width) return line;
  let [kept, taken] = ["", columns(ellipsis)];
  for (const { segment } of letters(line)) {
    const own = columns(segment);
    if (taken + own > width) break;
    kept += segment;
    taken += own;
  }
  return `${kept.trimEnd()}${ellipsis}`;
}

/** A text filled with spaces up to this many columns. */
export function padded(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - columns(text)));
}

/**
 * A private use character (Unicode 23.5) that stands for a space inside a command. Lines are not broken at this
 * character, so that users can copy the command whole.
 */
const HELD_SPACE = "\ue000";

function brokenLine(line: string, room: number): string[] {
  if (columns(line) <= room) return [line];
  const lines: string[] = [];
  let current = "";
  for (const word of line.split(/(?<= )/)) {
    if (columns(current) + columns(word.trimEnd()) <= room) {
      current += word;
      continue;
    }
    if (current.trim() !== "") lines.push(current.trimEnd());
    const pieces = word.includes(HELD_SPACE) ? [word] : piecesOf(word, room);
    current = pieces.pop() ?? "";
    // One word may have tens of megabytes, which is too many arguments for one call.
    for (const piece of pieces) lines.push(piece);
  }
  return [...lines, current];
}

function piecesOf(word: string, room: number): string[] {
  if (columns(word) <= room) return [word];
  const pieces: string[] = [];
  let [piece, taken] = ["", 0];
  for (const { segment } of letters(word)) {
    const own = columns(segment);
    if (taken + own > room) {
      pieces.push(piece);
      [piece, taken] = ["", 0];
    }
    piece += segment;
    taken += own;
  }
  return [...pieces, piece];
}
