import { fileText } from "../../../plugin/records/file-text.ts";
import { jsonShape } from "../../../plugin/records/json-scanner.ts";
import { shapeInPieces } from "../../records/shape-in-pieces.ts";
import { Choices } from "../choices.ts";
import { demand } from "../defect.ts";

const PIECES = 4;

/** Longer documents are not completed, because all possible endings are tried, which takes too long. */
const LONGEST_COMPLETED = 300;

/** The possible ends of an unfinished token. MEMBER_ENDS are the possible ends of an unfinished object member. */
const TOKEN_ENDS = [
  "",
  '"',
  'n"',
  '0"',
  '00"',
  '000"',
  '0000"',
  "0",
  "e",
  "ue",
  "rue",
  "se",
  "lse",
  "alse",
  "l",
  "ll",
  "ull",
];
const MEMBER_ENDS = ["", ":0", "0", '"":0'];

/** The scanner reads records in pieces. It agrees with `JSON.parse` of the whole record, wherever the pieces begin. */
export function fuzz(data: Uint8Array): void {
  const choices = new Choices(data);
  const sizes = Array.from({ length: PIECES }, () => choices.byte());
  const bytes = choices.rest();
  const shape = jsonShape(bytes);
  const value = parsed(bytes.toString("utf8"));
  demand((shape.shape === "complete") === (value !== undefined), `${shape.shape}, and JSON.parse says otherwise`);
  if (shape.shape === "complete") demand(shape.topLevel === topLevelOf(value), "another top level");
  const inPieces = shapeInPieces(bytes, sizes);
  demand(JSON.stringify(inPieces) === JSON.stringify(shape), "the pieces make a difference");
  if (shape.shape === "invalid") {
    const before = jsonShape(bytes.subarray(0, shape.offset));
    demand(before.shape !== "invalid", "a byte before the wrong one is wrong");
    if (before.shape === "incomplete") demandEnd(bytes.subarray(0, shape.offset));
  }
  if (shape.shape === "incomplete") demandEnd(bytes);
  if (shape.shape === "blank") demand(/^[ \t\r\n]*$/.test(bytes.toString("latin1")), "blank, and not empty");
  demandText(bytes);
}

/** Checks that some ending turns an unfinished document into valid JSON. */
function demandEnd(bytes: Buffer): void {
  if (bytes.length > LONGEST_COMPLETED) return;
  const text = bytes.toString("utf8");
  const closing = closingOf(bytes);
  const ends = TOKEN_ENDS.flatMap((token) => MEMBER_ENDS.map((member) => token + member + closing));
  demand(
    ends.some((end) => parsed(text + end) !== undefined),
    "unfinished, and nothing finishes it",
  );
}

/** The closing brackets for all brackets that are still open at the end. */
function closingOf(bytes: Buffer): string {
  const open: string[] = [];
  let isText = false;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (isText && byte === 0x5c) at += 1;
    else if (byte === 0x22) isText = !isText;
    else if (!isText && (byte === 0x7b || byte === 0x5b)) open.unshift(byte === 0x7b ? "}" : "]");
    else if (!isText && (byte === 0x7d || byte === 0x5d)) open.shift();
  }
  return open.join("");
}

/** Checks that the tool decodes the file to the same text as `TextDecoder`. */
function demandText(bytes: Buffer): void {
  const encoding = bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : "utf-8";
  // opencode leaves out an incomplete character at the end.
  const whole = encoding === "utf-8" ? bytes : bytes.subarray(0, bytes.length - (bytes.length % 2));
  demand(fileText(bytes) === new TextDecoder(encoding).decode(whole), "another text than the decoder's");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function topLevelOf(value: unknown): string {
  if (Array.isArray(value)) return "array";
  return typeof value === "object" && value !== null ? "object" : "scalar";
}
