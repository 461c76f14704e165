import { expect } from "bun:test";

/** One way to damage the bytes of a record. */
export interface Damage {
  readonly name: string;
  /**
   * The code of the finding if opencode cannot load the record. `null` if only some versions of opencode fail, so no
   * code is expected.
   */
  readonly code: string | null;
  /** The SQLite storage class of the damaged value. For a file it has no meaning. */
  readonly storage: "text" | "blob";
  /** This damage is only possible in a value of a row. */
  readonly rowsOnly?: true;
  /** This damage is similar to another one in {@link DAMAGES}, so it is tried only on the main records. */
  readonly variant?: true;
  bytes(original: Buffer): Buffer;
}

const NUL = (length: number) => Buffer.alloc(length);

/** An empty record, as a full disk leaves it. Tests that damage many records at once use this damage. */
export const ZERO_BYTES: Damage = text("zero bytes", "empty", () => Buffer.alloc(0));

/** Damage that makes a record unreadable, and JSON values that some versions of opencode accept and others do not. */
export const DAMAGES: readonly Damage[] = [
  ZERO_BYTES,
  text("white space only", "empty", () => Buffer.from(" \n\t\r\n ")),
  text("NUL-filled", "nul-filled", (original) => NUL(original.length)),
  text("a NUL-padded tail", "nul-tail", (original) => Buffer.concat([original, NUL(600)])),
  variant("cut and filled up with NULs", "nul-tail", (original) =>
    Buffer.concat([half(original), NUL(original.length - half(original).length)]),
  ),
  text("truncated", "truncated", half),
  variant("one byte short", "truncated", (original) => trimmed(original).subarray(0, -1)),
  text("malformed", "malformed", (original) => Buffer.concat([Buffer.from('{"broken":,'), original])),
  variant("trailing garbage", "malformed", (original) => Buffer.concat([original, Buffer.from("}\nx")])),
  variant("two documents", "malformed", (original) => Buffer.concat([original, original])),
  text("not UTF-8", "not-utf8", (original) => inLastText(original, Buffer.from([0xe9]))),
  variant("a surrogate encoded in UTF-8", "not-utf8", (original) => inLastText(original, Buffer.from("eda080", "hex"))),
  text("a byte order mark", "malformed", (original) => Buffer.concat([Buffer.from("efbbbf", "hex"), original])),
  text("the value null", null, () => Buffer.from("null")),
  text("an empty array", null, () => Buffer.from("[]")),
  variant("an array of numbers", null, () => Buffer.from("[1,2]")),
  text("a number", null, () => Buffer.from("7")),
  variant("a string", null, (original) => Buffer.from(JSON.stringify(original.toString("utf8")))),
  variant("the value true", null, () => Buffer.from("true")),
  { ...text("a BLOB of the same bytes", "binary-value", (original) => original), storage: "blob", rowsOnly: true },
  { ...variant("an empty BLOB", "binary-value", () => Buffer.alloc(0)), storage: "blob", rowsOnly: true },
  { ...variant("a BLOB of one byte", null, () => Buffer.from("7")), storage: "blob", rowsOnly: true },
];

function text(name: string, code: string | null, bytes: Damage["bytes"]): Damage {
  return { name, code, storage: "text", bytes };
}

function variant(name: string, code: string | null, bytes: Damage["bytes"]): Damage {
  return { ...text(name, code, bytes), variant: true };
}

function half(original: Buffer): Buffer {
  return original.subarray(0, Math.floor(original.length / 2));
}

function trimmed(original: Buffer): Buffer {
  return Buffer.from(original.toString("utf8").trimEnd());
}

/**
 * Inserts bytes into the last string value that is not an id. In an array without fields, it inserts them into the
 * first string.
 */
function inLastText(original: Buffer, inserted: Buffer): Buffer {
  const document = original.toString("latin1");
  const values = [...document.matchAll(/:\s*"(?!ses_|msg_|prt_)/g)];
  const last = values.at(-1);
  const at = last === undefined ? document.indexOf('"') + 1 : last.index + last[0].length;
  expect(at).toBeGreaterThan(0);
  return Buffer.concat([original.subarray(0, at), inserted, original.subarray(at)]);
}
