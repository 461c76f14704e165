import { transcribe } from "../../../plugin/show/transcript.ts";
import type { StoredDocument } from "../../../plugin/stores/conversation.ts";
import { messageLines } from "../../../plugin/words/answers/transcript.ts";
import { Choices } from "../choices.ts";
import { demand } from "../defect.ts";

const WIDTHS = [80, 40, 120];

/** Characters that move the cursor, set colours, or change the direction of the text. */
const COMMANDS = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u;

/** The printed lines of a message fit the width of the terminal, and contain no control characters. */
export function fuzz(data: Uint8Array): void {
  const choices = new Choices(data);
  const width = choices.pick(WIDTHS);
  const storage = choices.pick(["file", "text"] as const);
  const [message = Buffer.alloc(0), ...parts] = split(choices.rest());
  const messageID = `msg_${parts.length}\u001b[2J`;
  const stored = {
    messageID,
    document: documentOf("message", messageID, message, storage),
    parts: parts.map((bytes, index) => documentOf("part", `prt_${index}\u202e`, bytes, storage)),
  };
  const fault = { code: "\u0007", evidence: "\u001b]0;x\u0007", locator: { path: "\u001b" } };
  const faults = new Map(parts.length === 2 ? [["part:id=prt_0\u202e", fault]] : []);
  const transcript = transcribe(stored, faults, new Map(), new Set());
  for (const line of messageLines(transcript, width, (_style, text) => text)) {
    demand(!COMMANDS.test(line), "a line that commands the terminal");
    demand(!/^[\x20-\x7e]*$/.test(line) || line.length <= width, `a line of ${line.length} columns on ${width}`);
    demand([...new Intl.Segmenter().segment(line)].length <= width, "a line of more characters than columns");
  }
}

/** Splits the bytes into lines. Each line is one document, because JSON needs no line break. */
function split(bytes: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  let start = 0;
  for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, start)) {
    pieces.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return [...pieces, bytes.subarray(start)];
}

function documentOf(table: string, id: string, bytes: Buffer, storage: "file" | "text"): StoredDocument {
  const locator = { table, key: { id } };
  return { recordID: id, locator, storage, size: bytes.length, bytes, timeMs: 1.79e12, updatedMs: null };
}
