/** Any value of a JSON document. */
type Json = unknown;

interface Container {
  readonly closing: "}" | "]";
  /** The length of the text up to the end of the last complete member. */
  complete: number;
}

/** A number or a word of JSON that is certainly complete, because a separator follows. */
const WORD = /(?:true|false|null|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?=\s*[,}\]])/y;

/** The readable beginning of a damaged JSON text. */
export interface Beginning {
  readonly value: Json;
  /**
   * The number of characters of a complete document at the beginning of the text; `null` if the document does not end.
   */
  readonly wholeUntil: number | null;
}

/**
 * Reads the longest beginning of a damaged JSON text: all complete members, and a string that is cut off. Missing
 * brackets and quotes are added. A control character inside a string ends the string. (Bytes that are not text have
 * already ended the text: `textBeginning`.) If a complete document is followed by noise, the document is read
 * completely. `undefined` if nothing can be read.
 */
export function readBeginning(text: string): Beginning | undefined {
  const open: Container[] = [];
  let at = 0;
  let inKey = false;
  const close = (end: number, suffix = "") =>
    beginning(
      text.slice(0, end) +
        suffix +
        open
          .map((each) => each.closing)
          .reverse()
          .join(""),
      null,
    );
  const atLastMember = () => {
    const inner = open.at(-1);
    return inner === undefined ? undefined : close(inner.complete);
  };
  while (at < text.length) {
    const character = text[at] ?? "";
    const inner = open.at(-1);
    if (character === "{" || character === "[") {
      open.push({ closing: character === "{" ? "}" : "]", complete: at + 1 });
      inKey = character === "{";
      at += 1;
    } else if (character === "}" || character === "]") {
      if (inner?.closing !== character) return atLastMember();
      open.pop();
      at += 1;
      const outer = open.at(-1);
      if (outer === undefined) return beginning(text.slice(0, at), at);
      outer.complete = at;
    } else if (character === '"') {
      const end = stringEnd(text, at);
      if (end.isCut) return inKey ? atLastMember() : (close(end.at, '"') ?? atLastMember());
      if (!inKey && inner !== undefined) inner.complete = end.at;
      at = end.at;
    } else if (character === ":") {
      inKey = false;
      at += 1;
    } else if (character === ",") {
      inKey = inner?.closing === "}";
      at += 1;
    } else if (/\s/.test(character)) {
      at += 1;
    } else {
      WORD.lastIndex = at;
      const word = WORD.exec(text);
      if (word === null || inner === undefined) return atLastMember();
      at += word[0].length;
      inner.complete = at;
    }
  }
  return atLastMember();
}

/** The readable beginning of a damaged JSON text, as {@link readBeginning} reads it. */
export function cutDocument(text: string): Json | undefined {
  return readBeginning(text)?.value;
}

/** The offset at which a string ends, and whether the string is cut off there. */
function stringEnd(text: string, start: number): { readonly at: number; readonly isCut: boolean } {
  for (let at = start + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x22) return { at: at + 1, isCut: false };
    if (code < 0x20) return { at, isCut: true };
    if (code !== 0x5c) continue;
    const sequence = /^\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/.exec(text.slice(at, at + 6));
    if (sequence === null) return { at, isCut: true };
    at += sequence[0].length - 1;
  }
  return { at: text.length, isCut: true };
}

function beginning(text: string, wholeUntil: number | null): Beginning | undefined {
  try {
    return { value: JSON.parse(text), wholeUntil };
  } catch {
    return undefined;
  }
}

/**
 * The members of a cut-off object that are certainly complete: all readable members except the last. Empty if the text
 * does not begin with an object.
 */
export function wholeMembers(text: string): Readonly<Record<string, Json>> {
  const left = cutDocument(text);
  if (typeof left !== "object" || left === null || Array.isArray(left)) return {};
  const members = Object.entries(left);
  // JavaScript puts names that are numbers first, so with such names it is unknown which member was the last.
  return members.some(([name]) => /^\d+$/.test(name)) ? {} : Object.fromEntries(members.slice(0, -1));
}
