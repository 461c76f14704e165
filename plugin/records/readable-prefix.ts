/** Where a document could be cut, and what closes what is open there. */
interface Cut {
  readonly end: number;
  readonly closers: string;
}

/** A text value that has no end. */
interface OpenText {
  readonly start: number;
  readonly closers: string;
}

/**
 * What a JSON document says up to the place where it breaks off or stops being JSON: complete values, and the beginning
 * of the text in the middle of which it was cut. `undefined` where that is nothing.
 */
export function readablePrefix(document: string): unknown {
  const text = document.replace(/\0+$/, "");
  const { inText, last } = scan(text);
  for (const attempt of [inText === null ? null : cutInText(text, inText), last]) {
    if (attempt === null) continue;
    try {
      return JSON.parse(text.slice(0, attempt.end) + attempt.closers);
    } catch {
      // Not JSON even up to there: the cut before it.
    }
  }
  return undefined;
}

/** Finds the last place after a whole value, and the text value that has no end. */
function scan(text: string): { readonly inText: OpenText | null; readonly last: Cut | null } {
  const open: ("}" | "]")[] = [];
  let last: Cut | null = null;
  let isKey = false;
  const good = (end: number) => {
    last = { end, closers: closed(open) };
  };
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] ?? "";
    if (character === '"') {
      const end = endOfText(text, at);
      const wasKey = isKey;
      if (end < 0) return { inText: wasKey ? null : { start: at, closers: closed(open) }, last };
      at = end;
      if (!wasKey) good(at + 1);
      isKey = false;
    } else if (character === "{" || character === "[") {
      open.push(character === "{" ? "}" : "]");
      isKey = character === "{";
      good(at + 1);
    } else if (character === "}" || character === "]") {
      if (open.pop() !== character) return { inText: null, last };
      good(at + 1);
      isKey = false;
    } else if (character === ",") {
      isKey = open.at(-1) === "}";
    } else if (/[-0-9tfn]/.test(character)) {
      const literal = /^(?:-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false|null)(?=[\s,}\]])/.exec(text.slice(at, at + 64));
      if (literal === null) return { inText: null, last };
      at += literal[0].length - 1;
      good(at + 1);
    } else if (!/[\s:]/.test(character)) return { inText: null, last };
  }
  return { inText: null, last };
}

function closed(open: readonly string[]): string {
  return [...open].reverse().join("");
}

/** Index of the quote that ends a text, or -1. */
function endOfText(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x5c) at += 1;
    else if (code === 0x22) return at;
    else if (code < 0x20) return -1;
  }
  return -1;
}

/** The text up to its first control character, without an escape that was cut in two, and with an end. */
function cutInText(text: string, { start, closers }: OpenText): Cut {
  let end = start + 1;
  while (end < text.length && text.charCodeAt(end) >= 0x20) {
    const width = text[end] === "\\" ? (text[end + 1] === "u" ? 6 : 2) : 1;
    if (end + width > text.length) break;
    end += width;
  }
  return { end, closers: `"${closers}` };
}
