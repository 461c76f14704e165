import { isUtf8 } from "node:buffer";

/** This many bytes of a long string are kept. All decisions about a text are made on its beginning. */
const KEPT_BYTES = 64 * 1024;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;

/** The bytes that may follow a backslash, besides `u`. */
const ESCAPED = new Set(Buffer.from('"\\/bfnrt'));

/** The beginning of a text that is an image. */
const IMAGE = "data:image/";

/**
 * {@link IMAGE} has at most this many bytes in a document: an escape of six bytes for each letter. The limit includes
 * two more letters.
 */
const IMAGE_BYTES = (IMAGE.length + 2) * 6;

/** The part of a long string that is left out: offsets in the document, in bytes. `end` is the closing quote. */
export interface CutString {
  readonly start: number;
  readonly end: number;
}

/** A document without the greater part of its long strings. */
export interface BriefDocument {
  /**
   * The brief text. It is JSON if and only if the document is JSON. Only long strings are shorter than in the document.
   */
  readonly text: string;
  /** The texts that were cut, in the order in which the document has them. The last one may have no end. */
  readonly cuts: readonly CutString[];
}

/**
 * Reads a document in pieces and cuts its long texts, so that a text of tens of megabytes is never in memory as a
 * whole. If there is a `mark`, it is written at the place of each cut, with the number of the cut. Returns `null` if a check of the brief document could have another
 * result than a check of the whole document. Causes are bytes that are not UTF-8 or not allowed in a string, a long
 * name, and an image in a text, because the size of an image is checked.
 */
export function briefDocument(pieces: Iterable<Uint8Array>, mark = ""): BriefDocument | null {
  const reader = new BriefReader(mark);
  for (const piece of pieces) if (!reader.push(piece)) return null;
  return reader.end();
}

enum At {
  Outside,
  String,
  Escape,
  Hex,
}

class BriefReader {
  readonly #mark: string;
  readonly #kept: Buffer[] = [];
  readonly #cuts: CutString[] = [];
  #at = At.Outside;
  #hexLeft = 0;
  /** Offset of the present piece, and of the first byte of the present string. */
  #offset = 0;
  #stringStart = 0;
  #cutStart = -1;
  /** Whether a text that was cut has just ended. If a colon follows, the text is a name, and names must not be cut. */
  #endedByCut = false;
  #halfLetter = Buffer.alloc(0);

  constructor(mark: string) {
    this.#mark = mark;
  }

  push(bytes: Uint8Array): boolean {
    const piece = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (!this.#isText(piece)) return false;
    let from = this.#cutStart < 0 ? 0 : piece.length;
    for (let index = 0; index < piece.length; index += 1) {
      const byte = piece[index] ?? 0;
      if (this.#at === At.Outside) {
        if (this.#endedByCut && byte > 0x20) {
          if (byte === COLON) return false;
          this.#endedByCut = false;
        }
        if (byte !== QUOTE) continue;
        this.#at = At.String;
        this.#stringStart = this.#offset + index + 1;
        continue;
      }
      if (this.#at === At.Escape) {
        if (byte === 0x75) [this.#at, this.#hexLeft] = [At.Hex, 4];
        else if (ESCAPED.has(byte)) this.#at = At.String;
        else return false;
        continue;
      }
      if (this.#at === At.Hex) {
        if (!isHex(byte)) return false;
        this.#hexLeft -= 1;
        if (this.#hexLeft === 0) this.#at = At.String;
        continue;
      }
      if (byte === QUOTE) {
        if (this.#cutStart >= 0) {
          this.#cuts.push({ start: this.#cutStart, end: this.#offset + index });
          this.#cutStart = -1;
          this.#endedByCut = true;
          from = index;
        }
        this.#at = At.Outside;
        continue;
      }
      if (byte < 0x20) return false;
      // A cut never divides a letter or an escape.
      const isLong = this.#cutStart < 0 && this.#offset + index - this.#stringStart >= KEPT_BYTES;
      if (isLong && (byte & 0xc0) !== 0x80) {
        this.#keep(piece.subarray(from, index));
        if (this.#isImage(this.#offset + index - this.#stringStart)) return false;
        if (this.#mark !== "") this.#kept.push(Buffer.from(`${this.#mark}${this.#cuts.length}`));
        this.#cutStart = this.#offset + index;
        from = piece.length;
      }
      if (byte === BACKSLASH) this.#at = At.Escape;
      else if (this.#cutStart >= 0) index = plainUntil(piece, index) - 1;
    }
    if (from < piece.length) this.#keep(piece.subarray(from));
    this.#offset += piece.length;
    return true;
  }

  end(): BriefDocument | null {
    if (this.#halfLetter.length > 0) return null;
    if (this.#cutStart >= 0) this.#cuts.push({ start: this.#cutStart, end: this.#offset });
    return { text: Buffer.concat(this.#kept).toString("utf8"), cuts: this.#cuts };
  }

  #keep(bytes: Buffer): void {
    if (bytes.length > 0) this.#kept.push(Buffer.from(bytes));
  }

  /** Whether the string that is about to be cut is an image. The last `bytes` of the kept text belong to the string. */
  #isImage(bytes: number): boolean {
    let first = this.#kept.length;
    let left = bytes;
    while (left > 0 && first > 0) {
      first -= 1;
      left -= this.#kept[first]?.length ?? 0;
    }
    const [head = Buffer.alloc(0), ...more] = this.#kept.slice(first);
    const beginning = Buffer.concat([head.subarray(-left), ...more]).subarray(0, IMAGE_BYTES);
    const text: unknown = JSON.parse(`"${beginning.toString("utf8", 0, wholeUntil(beginning))}"`);
    return typeof text === "string" && text.startsWith(IMAGE);
  }

  /** Whether the bytes so far are UTF-8. The last letter may be in the next piece. */
  #isText(piece: Buffer): boolean {
    const whole = this.#halfLetter.length === 0 ? piece : Buffer.concat([this.#halfLetter, piece]);
    let end = whole.length;
    // A letter has at most four bytes.
    for (let back = 1; back <= Math.min(3, whole.length); back += 1) {
      const byte = whole[whole.length - back] ?? 0;
      if ((byte & 0xc0) === 0x80) continue;
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
      if (length > back) end = whole.length - back;
      break;
    }
    this.#halfLetter = Buffer.from(whole.subarray(end));
    return isUtf8(whole.subarray(0, end));
  }
}

/** The position of the next byte that is not plain text in a string: a quote, a backslash or a control character. */
export function plainUntil(piece: Uint8Array, from: number): number {
  let at = from;
  for (; at < piece.length; at += 1) {
    const byte = piece[at] ?? 0;
    if (byte === QUOTE || byte === BACKSLASH || byte < 0x20) return at;
  }
  return at;
}

function isHex(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
}

/**
 * The text of a cut: the bytes of a JSON string from a cut to its closing quote, read in pieces. A piece never ends inside
 * a letter or an escape. `null` stands for bytes that cannot be read any more, and ends the text.
 */
export function* cutText(pieces: Iterable<Uint8Array | null>): Iterable<string | null> {
  let left = Buffer.alloc(0);
  for (const piece of smallPieces(pieces)) {
    if (piece === null) {
      yield null;
      return;
    }
    const bytes = left.length === 0 ? Buffer.from(piece) : Buffer.concat([left, piece]);
    const end = wholeUntil(bytes);
    left = Buffer.from(bytes.subarray(end));
    yield JSON.parse(`"${bytes.toString("utf8", 0, end)}"`) as string;
  }
  if (left.length > 0) yield JSON.parse(`"${left.toString("utf8")}"`) as string;
}

/** JSON that was made of a brief document, with the cut bytes of the document in the places of the marks. */
export function withCuts(json: string, bytes: Uint8Array, { cuts }: BriefDocument, mark: string): Buffer {
  const [first = "", ...others] = json.split(mark);
  const pieces: Uint8Array[] = [Buffer.from(first)];
  for (const other of others) {
    const number = /^\d+/.exec(other)?.[0] ?? "";
    const { start = 0, end = 0 } = cuts[Number(number)] ?? {};
    const cut = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
    pieces.push(cut.subarray(0, wholeUntil(cut)), Buffer.from(other.slice(number.length)));
  }
  return Buffer.concat(pieces);
}

/** At most this many bytes are decoded as text in one step. */
const DECODED_BYTES = 256 * 1024;

function* smallPieces(pieces: Iterable<Uint8Array | null>): Iterable<Uint8Array | null> {
  for (const piece of pieces) {
    if (piece === null) yield null;
    else for (let at = 0; at < piece.length; at += DECODED_BYTES) yield piece.subarray(at, at + DECODED_BYTES);
  }
}

/** The longest possible escape: two surrogates. */
const LONGEST_ESCAPE = 12;

/** The position after the last complete letter or escape. Two escapes of a pair of surrogates count as one letter. */
function wholeUntil(bytes: Buffer): number {
  // The search begins between two escapes. After an even number of backslashes, no escape is open.
  const limit = Math.max(0, bytes.length - LONGEST_ESCAPE - 4);
  let at = limit;
  while (at > 0 && bytes[at - 1] === BACKSLASH) at -= 1;
  const isOdd = (limit - at) % 2 === 1;
  at = isOdd ? limit - 1 : limit;
  // If the position is inside an escape or inside a letter of several bytes, it moves on to the next beginning.
  let end = at;
  while (at < bytes.length) {
    const byte = bytes[at] ?? 0;
    const length = byte === BACKSLASH ? (bytes[at + 1] === 0x75 ? 6 : 2) : letterBytes(byte);
    if (at + length > bytes.length) break;
    at += length;
    if (!isFirstOfPair(bytes, at - length, length)) end = at;
  }
  return end;
}

function letterBytes(byte: number): number {
  return byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
}

/** Whether an escape is the first half of a pair of surrogates. */
function isFirstOfPair(bytes: Buffer, start: number, length: number): boolean {
  return (
    length === 6 && bytes[start] === BACKSLASH && /^\\u[dD][89abAB]/.test(bytes.toString("latin1", start, start + 6))
  );
}
