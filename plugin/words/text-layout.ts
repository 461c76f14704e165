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
/**
 * Only ASCII, Latin, Greek, Cyrillic and general punctuation, without marks that combine: every character takes one
 * column. Most text is like this, and `Intl.Segmenter` takes ten times as long.
 */
const SIMPLE = /^[\x20-\x7e\u00a0-\u02ff\u0370-\u0482\u048a-\u052f\u2010-\u2027\u2030-\u205e]*$/;

let segmenter: Intl.Segmenter | null = null;

/** The characters of a text as a reader sees them. */
function letters(text: string): Intl.Segments {
  // Creating the segmenter takes some milliseconds, so it is created for the first text that is not ASCII.
  segmenter ??= new Intl.Segmenter();
  return segmenter.segment(text);
}

/** The number of columns of a text on a terminal. */
export function columns(text: string): number {
  if (SIMPLE.test(text)) return text.length;
  let sum = 0;
  for (const { segment } of letters(text)) sum += WIDE.test(segment) ? 2 : 1;
  return sum;
}

/**
 * Breaks text into lines of at most `width` columns, at spaces if possible. Every line begins with `indent`, except the
 * first, which begins with `first`. `indent` and `first` have the same number of columns.
 */
export function wrapped(text: string, width: number, indent: string, first = indent): string[] {
  return [...wrappedLines([text], width, indent, first)];
}

/**
 * Like {@link wrapped}, but no word is broken, and a command and a path of {@link inOnePiece} stay on one line, because
 * users copy them. Such a line may be wider than `width`.
 */
export function wrappedAroundCommands(text: string, width: number, indent: string, first = indent): string[] {
  const held = (command: string) => command.replaceAll(" ", HELD_SPACE);
  const whole = text.replace(/`[^`]*`/g, held).replace(COMMAND_TO_COPY, held);
  const room = Math.max(10, width - columns(indent));
  const lines = [...linesOf([whole])].flatMap((line) => brokenLine(printable(line), room, "between words"));
  return lines.map((line, index) => released(`${index === 0 ? first : indent}${line}`.trimEnd()));
}

/** A command without backticks. It ends at the end of its line. */
const COMMAND_TO_COPY = /(?:(?:npx (?:-p \S+ )*)?opencode-session-repair |sudo |chmod ).*$/gm;

/**
 * A path on one line, with which {@link wrappedAroundCommands} does not break the path at its spaces. The result is for
 * a screen only: {@link released} restores the spaces.
 */
export function inOnePiece(path: string): string {
  return printable(path).replaceAll("\n", " ").replaceAll(" ", HELD_SPACE);
}

/** The text with ordinary spaces in the paths of {@link inOnePiece}. */
export function released(text: string): string {
  return text.replaceAll(HELD_SPACE, " ");
}

/**
 * Yields wrapped lines one after the other. A text may have tens of megabytes, so its lines are never all in memory
 * together. The text may come in pieces.
 */
export function* wrappedLines(
  pieces: Iterable<string>,
  width: number,
  indent: string,
  first = indent,
): Iterable<string> {
  const room = Math.max(10, width - columns(indent));
  let lead = first;
  for (const line of linesOf(pieces)) {
    for (const broken of brokenLine(printable(line), room)) {
      yield `${lead}${broken}`.trimEnd();
      lead = indent;
    }
  }
}

/**
 * A line with more UTF-16 code units than this is divided before it is wrapped, because its list of words would need
 * much memory.
 */
const LONGEST_LINE = 64 * 1024;

function* shortened(line: string): Iterable<string> {
  let start = 0;
  while (line.length - start > LONGEST_LINE) {
    const end = start + breakBefore(line.slice(start, start + LONGEST_LINE), LONGEST_LINE);
    yield line.slice(start, end);
    start = end;
  }
  yield line.slice(start);
}

/**
 * The position at which a text is divided, at most `most`. The position is behind a space if possible, and never
 * between two surrogates.
 */
function breakBefore(text: string, most: number): number {
  const space = text.lastIndexOf(" ", most - 1);
  if (space > 0) return space + 1;
  const isHigh = (text.charCodeAt(most - 1) & 0xfc00) === 0xd800;
  return isHigh ? most - 1 : most;
}

/** The lines of a text without line breaks. Empty lines at its end are left out. */
function* linesOf(pieces: Iterable<string>): Iterable<string> {
  let open = "";
  let count = 0;
  let empty = 0;
  for (const piece of pieces) {
    const text = open === "" ? piece : open + piece;
    let start = 0;
    for (let next = text.indexOf("\n", open.length); next !== -1; next = text.indexOf("\n", start)) {
      const line = text.slice(start, text[next - 1] === "\r" ? Math.max(start, next - 1) : next);
      start = next + 1;
      if (line === "") {
        empty += 1;
        continue;
      }
      for (; empty > 0; empty -= 1) yield "";
      yield* shortened(line);
      count += 1;
    }
    open = text.slice(start);
    if (open.length > LONGEST_LINE) {
      for (; empty > 0; empty -= 1) yield "";
      const parts = [...shortened(open)];
      open = parts.pop() ?? "";
      yield* parts;
      count += 1;
    }
  }
  if (open !== "") for (; empty > 0; empty -= 1) yield "";
  if (open !== "" || count === 0) yield open;
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
 * A noncharacter (Unicode 23.7) that stands for a space inside a command or path. Lines are not broken at this
 * character, so that users can copy the command or path whole.
 */
const HELD_SPACE = "\ufdd0";

/** The beginning of a path or address. Longer words are not paths that a user copies. */
const PATH = /^\W{0,2}(?:~?[/\\]|\.{1,2}[/\\]|[A-Za-z]:[/\\]|\w+:\/\/).{1,1024}$/;

function brokenLine(line: string, room: number, breaks: "anywhere" | "between words" = "anywhere"): string[] {
  if (columns(line) <= room) return [line];
  const lines: string[] = [];
  let current = "";
  for (const word of line.split(/(?<= )/)) {
    if (columns(current) + columns(word.trimEnd()) <= room) {
      current += word;
      continue;
    }
    if (current.trim() !== "") lines.push(current.trimEnd());
    const isWhole = breaks === "between words" || PATH.test(word.trimEnd());
    const pieces = isWhole ? [word] : piecesOf(word, room);
    current = pieces.pop() ?? "";
    // A word of tens of megabytes has very many pieces. One call of `push` with all of them would have too many
    // arguments.
    for (const piece of pieces) lines.push(piece);
  }
  return [...lines, current];
}

function piecesOf(word: string, room: number): string[] {
  if (columns(word) <= room) return [word];
  const pieces: string[] = [];
  if (SIMPLE.test(word)) {
    for (let at = 0; at < word.length; at += room) pieces.push(word.slice(at, at + room));
    return pieces;
  }
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
