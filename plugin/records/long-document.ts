import { leftUnprinted } from "../words/long-texts.ts";
import { type BriefDocument, cutText } from "./brief-document.ts";

/** A long text of a document, in pieces. Only its beginning is in memory. */
export interface LongText {
  /** If the text was changed after its beginning was read, the last piece is `null`, and the rest is not read. */
  pieces(): Iterable<string | null>;
}

/** A JSON document whose long texts are read in pieces when they are needed. */
export interface LongDocument {
  /** The value. A long text in it is only its beginning and ends with a note that the rest is not printed. */
  readonly value: unknown;
  /** Each long text, by its place ({@link longTextAt}). */
  readonly texts: LongTexts;
}

/** The key is the path of the text as JSON, because a name may contain any character. */
export type LongTexts = ReadonlyMap<string, LongText>;

/** The long text at a path of a document; `undefined` if the text there was not cut. */
export function longTextAt(texts: LongTexts, ...path: readonly string[]): LongText | undefined {
  return texts.get(JSON.stringify(path));
}

/**
 * Parses a brief document whose cuts have this mark. `read` reads bytes of the document, with `null` for bytes that are
 * no longer the same. `null` if the document is not JSON.
 */
export function longDocument(
  { text, cuts }: BriefDocument,
  mark: string,
  read: (start: number, end: number) => Iterable<Uint8Array | null>,
): LongDocument | null {
  const texts = new Map<string, LongText>();
  const unmarked = (value: unknown, path: readonly string[]): unknown => {
    if (typeof value === "string") {
      const at = value.lastIndexOf(mark);
      const cut = at < 0 ? undefined : cuts[Number(value.slice(at + mark.length))];
      if (cut === undefined) return value;
      const beginning = value.slice(0, at);
      const { start, end } = cut;
      texts.set(JSON.stringify(path), {
        pieces: () => withWholePairs(beginning, cutText(read(start, end))),
      });
      return `${beginning} ${leftUnprinted(end - start)}`;
    }
    if (Array.isArray(value)) return value.map((each, index) => unmarked(each, [...path, String(index)]));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, unmarked(each, [...path, name])]));
  };
  try {
    return { value: unmarked(JSON.parse(text), []), texts };
  } catch {
    return null;
  }
}

/** The pieces of a text without a cut between two surrogates, which together are one letter. */
function* withWholePairs(beginning: string, more: Iterable<string | null>): Iterable<string | null> {
  let text = beginning;
  for (const piece of more) {
    const end = (text.charCodeAt(text.length - 1) & 0xfc00) === 0xd800 ? text.length - 1 : text.length;
    yield text.slice(0, end);
    if (piece === null) {
      yield null;
      return;
    }
    text = text.slice(end) + piece;
  }
  yield text;
}
