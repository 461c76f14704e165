import { randomBytes } from "node:crypto";
import { diagnose } from "../faults/diagnose.ts";
import { type Artifact, type Evidence, isFileLocator, LONG_BYTES } from "../model/artifact.ts";
import type { ConfirmedFinding } from "../model/finding.ts";
import type { Replacement } from "../model/replacement.ts";
import { release } from "../platform/memory.ts";
import { briefDocument, withCuts } from "../records/brief-document.ts";
import { readBeginning } from "../records/cut-document.ts";
import { isWellFormedUtf8, lostCharacters, textBeginning } from "../records/file-text.ts";
import { closedPart } from "../remedies/recover/closed-document.ts";
import type { Store } from "../stores/store.ts";
import { plural } from "../words/amounts.ts";
import { CLOSED_WHERE_CUT } from "../words/sources.ts";

/** The text that could be saved of a damaged JSON document, in a form that opencode loads. */
interface Legible {
  readonly text: string;
  readonly source: string;
  /** A phrase for the user about the result. It contains nothing of the session's content. */
  readonly words: string;
}

/** A record that was made from the readable part of a damaged record. */
export interface ClosedRecord {
  readonly replacement: Replacement;
  readonly words: string;
  /** Whether nothing of the document was lost, except for single characters. */
  readonly isWhole: boolean;
}

/**
 * Makes a record that opencode loads from a record that no JSON parser reads. The whole document is kept if only its
 * end, byte order mark, storage class or single bytes are wrong. A part whose document was cut off keeps its readable
 * beginning.
 * Returns `null` if nothing can be read, or if opencode would refuse the result. Reads only.
 */
export async function closedRecord(
  store: Store,
  { kind, sessionID, recordID, locator, remedy, severity, seen }: ConfirmedFinding,
): Promise<ClosedRecord | null> {
  if (remedy !== "quarantine" || severity !== "blocking" || seen === null) return null;
  const artifact: Artifact = { kind, sessionID, recordID, locator };
  const evidence = await store.examine(artifact);
  if (evidence === null || evidence.bytes === null || evidence.storage === "row") return null;
  // This file is a damaged second copy of a record, so it must not become a record of its own.
  if (evidence.stray !== null) return null;
  const brief = briefOf(evidence);
  const text = brief?.text ?? textBeginning(evidence.bytes);
  const whole = wholeDocument(text, evidence);
  const legible = whole ?? (kind === "part" ? cutPart(text, store, artifact, evidence) : null);
  if (legible === null) return null;
  // opencode's rules are the same for a text without its greater part.
  const short = Buffer.from(legible.text, "utf8");
  const storage = evidence.storage === "file" ? ("file" as const) : ("text" as const);
  const outcome: Evidence = { ...evidence, storage, bytes: short, size: short.length, shape: null, sha256: null };
  if (diagnose(artifact, outcome, store.description)?.severity === "blocking") return null;
  const bytes = brief?.whole(legible.text) ?? short;
  if (brief !== null) release(evidence.bytes);
  const content: Replacement["content"] = isFileLocator(locator)
    ? { bytes }
    : { cells: new Map([[locator.column ?? "data", { storage: "text" as const, bytes }]]) };
  return { replacement: { source: legible.source, content }, words: legible.words, isWhole: whole !== null };
}

/**
 * A long document without the greater part of its texts, because each copy of it would need its memory again. `whole` puts
 * the texts back. `null` if the document is short or must be read as a whole.
 */
function briefOf({ bytes, storage }: Evidence): { text: string; whole(json: string): Buffer } | null {
  if (bytes === null || storage !== "text" || bytes.length <= LONG_BYTES) return null;
  const mark = randomBytes(9).toString("base64url");
  const brief = briefDocument([bytes], mark);
  if (brief === null) return null;
  return { text: brief.text.replace(/^\ufeff/, ""), whole: (json) => withCuts(json, bytes, brief, mark) };
}

function wholeDocument(text: string, { bytes, storage }: Evidence): Legible | null {
  const until = readBeginning(text)?.wholeUntil ?? null;
  if (until !== null) {
    return {
      text: text.slice(0, until),
      source: "the document itself, which is complete",
      words: "its document is whole",
    };
  }
  if (storage === "file" || bytes === null || isWellFormedUtf8(bytes)) return null;
  const left = Buffer.from(bytes)
    .toString("utf8")
    .replace(/^\ufeff/, "")
    .replace(/\0+$/, "");
  try {
    JSON.parse(left);
  } catch {
    return null;
  }
  const words = `all except ${plural(lostCharacters(bytes), "character")} can be read`;
  return { text: left, source: "the document itself, with a replacement for each lost character", words };
}

function cutPart(text: string, store: Store, artifact: Artifact, evidence: Evidence): Legible | null {
  const updated = wholeMs(evidence.updatedMs ?? evidence.mtimeMs);
  const created = wholeMs(store.places?.of(artifact)?.createdMs ?? updated);
  const closed = closedPart(text, { created, updated });
  if (closed === null) return null;
  const { recordID, locator } = artifact;
  // A file contains the ids of its record. A database row has the ids in separate columns.
  const ids = isFileLocator(locator)
    ? { id: recordID, sessionID: evidence.sessionID, messageID: /\/part\/([^/]+)\//.exec(locator.path)?.[1] }
    : {};
  const document = { ...ids, ...closed };
  const words = "the readable part is kept, with a note that the rest is lost";
  const indent = isFileLocator(locator) ? 2 : undefined;
  return { text: JSON.stringify(document, null, indent), source: CLOSED_WHERE_CUT, words };
}

function wholeMs(value: number | null): number {
  return value === null || !(value >= 0) ? 0 : Math.floor(value);
}
