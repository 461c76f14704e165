import { isUtf8 } from "node:buffer";

const UTF16LE = new TextDecoder("utf-16le");

const BYTE_ORDER_MARK = "\ufeff";

/** The character that replaces each invalid byte. */
const REPLACEMENT = "\ufffd";

/**
 * The text that opencode 1.0-1.1 parses when it reads a file with `Bun.file(path).json()`. A byte order mark of UTF-8
 * or UTF-16LE decides the encoding. Invalid UTF-8 becomes U+FFFD (measured on Bun 1.3.3 and 1.3.9).
 */
export function fileText(bytes: Buffer): string {
  // In UTF-16, a single byte at the end is half a character, and opencode leaves it out (measured on 1.0.152 and
  // 1.1.65).
  if (beginsAsUtf16(bytes)) return UTF16LE.decode(bytes.subarray(0, bytes.length - (bytes.length % 2)));
  if (bytes.length >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf)
    return bytes.toString("utf8", 3);
  return bytes.toString("utf8");
}

/**
 * The text of damaged bytes up to the first invalid byte. A U+FFFD that is really stored, for example in a tool's
 * output, counts as text.
 */
export function textBeginning(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = fileText(buffer);
  if (beginsAsUtf16(buffer) || isWellFormedUtf8(buffer)) return text;
  let checked = 0;
  // The byte order mark is not part of the text, so its bytes are skipped.
  let offset = buffer.indexOf(BYTE_ORDER_MARK) === 0 ? Buffer.byteLength(BYTE_ORDER_MARK) : 0;
  for (let at = text.indexOf(REPLACEMENT); at >= 0; at = text.indexOf(REPLACEMENT, checked)) {
    offset += Buffer.byteLength(text.slice(checked, at));
    if (buffer.indexOf(REPLACEMENT, offset) !== offset) return text.slice(0, at);
    offset += Buffer.byteLength(REPLACEMENT);
    checked = at + 1;
  }
  return text;
}

/** The number of characters that are lost because their bytes are invalid. */
export function lostCharacters(bytes: Uint8Array): number {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let lost = buffer.toString("utf8").split(REPLACEMENT).length - 1;
  for (let at = buffer.indexOf(REPLACEMENT); at >= 0; at = buffer.indexOf(REPLACEMENT, at + 1)) lost -= 1;
  return lost;
}

/** Whether a file begins with the byte order mark of UTF-16LE, which opencode 1.14 treats as invalid UTF-8. */
export function beginsAsUtf16(bytes: Uint8Array): boolean {
  return bytes.length >= 2 && bytes[0] === 0xff && bytes[1] === 0xfe;
}

/** Whether bytes are well-formed UTF-8 (no surrogates, no overlong forms). */
export function isWellFormedUtf8(bytes: Uint8Array): boolean {
  return isUtf8(bytes);
}

/**
 * A limit for texts that are not UTF-8. Bun's SQLite returns "" for a shorter text, and replaces the invalid bytes of a
 * longer one (measured).
 */
const REPLACED_FROM_BYTES = 64;

/** The text that opencode 1.2-1.18 gets from its SQLite for a value of storage class TEXT. */
export function sqliteText(bytes: Buffer): string {
  return bytes.length < REPLACED_FROM_BYTES && !isWellFormedUtf8(bytes) ? "" : bytes.toString("utf8");
}
