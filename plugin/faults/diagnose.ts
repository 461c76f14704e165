import { mismatchesOnScreen } from "../hosts/screen.ts";
import { screenPath } from "../hosts/screen-demand.ts";
import { diffReading, hostLine, readings, versionsOf } from "../hosts/store-line.ts";
import { type Artifact, type Evidence, type JsonShape, LONG_BYTES, type RecordKind } from "../model/artifact.ts";
import type { Severity } from "../model/finding.ts";
import type { StoreDescription } from "../model/store-description.ts";
import { beginsAsUtf16, fileText, isWellFormedUtf8, sqliteText } from "../records/file-text.ts";
import { jsonShape } from "../records/json-scanner.ts";
import { judge } from "../records/judge.ts";
import { acceptedTopLevels, topLevelOf } from "../records/shape.ts";
import { amount } from "../words/amounts.ts";
import { DIFFS_OF_NO_SESSION, insteadOfFile } from "../words/sources.ts";
import { ACCESS_DENIED, FILE_IS_FOLDER } from "./access.ts";
import { copyWords, diagnoseCopy, isCopy } from "./copies.ts";
import type { Diagnosis, Fault } from "./fault.ts";
import { refusal } from "./refusal.ts";
import { holds, type Remark, remarkOn } from "./remarks.ts";
import { MESSAGE_WITHOUT_ROLE, PART_WITHOUT_TYPE, SCREEN_FATAL, SHOWN_NOWHERE } from "./screen.ts";
import { GIANT_RECORD, LARGE_IMAGE } from "./size.ts";
import { STRAY_FILE } from "./stray-files.ts";
import { UNFINISHED_TOOL, UNFINISHED_TURN } from "./unfinished.ts";
import {
  BINARY_VALUE,
  EMPTY,
  MALFORMED,
  NOT_AN_OBJECT,
  NOT_UTF8,
  NUL_FILLED,
  NUL_TAIL,
  TRUNCATED,
  UNAVAILABLE,
} from "./unreadable.ts";

/**
 * Finds the problem that opencode has with one record, from the record's exact bytes. `null` means that opencode loads
 * the record without a problem. If several versions of opencode may load the store and only some of them fail, the
 * problem is a warning that names those versions. Evidence holds sizes and offsets, never content. `now` is in
 * milliseconds since the epoch. `isLeftAlone` is `true` if certainly no process works on the store.
 */
export function diagnose(
  artifact: Artifact,
  evidence: Evidence,
  store: StoreDescription,
  now: number = Date.now(),
  isLeftAlone = false,
): Diagnosis | null {
  const [first, ...others] = readings(store).map((reading) => ({
    reading,
    verdict: diagnoseAs(artifact, evidence, reading, now, isLeftAlone),
  }));
  if (first === undefined) return null;
  const answers = [first, ...others];
  const failing = answers.filter(({ verdict }) => verdict?.severity === "blocking");
  const [failure] = failing;
  if (failure === undefined || failure.verdict === null) {
    return onScreen(answers) ?? first.verdict;
  }
  if (failing.length > others.length) return first.verdict;
  const hosts = failing.map(({ reading }) => versionsOf(hostLine(reading)));
  return { ...failure.verdict, severity: "warning", hosts };
}

/**
 * A problem of a record that every version of opencode loads, but that the terminal UI of some versions cannot print.
 * The result names these versions.
 */
function onScreen(answers: readonly Answer[]): Diagnosis | null {
  const ending = answers.filter(({ verdict }) => verdict?.fault === SCREEN_FATAL);
  const verdict = ending[0]?.verdict ?? null;
  return verdict && { ...verdict, hosts: ending.map(({ reading }) => versionsOf(hostLine(reading))) };
}

/** How one of the opencode versions that may load a store judges a record. */
interface Answer {
  readonly reading: StoreDescription;
  readonly verdict: Diagnosis | null;
}

function diagnoseAs(
  artifact: Artifact,
  evidence: Evidence,
  store: StoreDescription,
  now: number,
  isLeftAlone: boolean,
): Diagnosis | null {
  if (artifact.kind === "stray") return diagnoseStray(evidence, store);
  if (evidence.ioError !== null) {
    const instead = insteadOfFile(evidence.ioError);
    const diagnosis = instead === null ? undefined : diagnoseNoFile(artifact, evidence, store, instead);
    if (diagnosis !== undefined) return diagnosis;
    const isDenied = evidence.ioError === "EACCES" || evidence.ioError === "EPERM";
    const fault = isDenied ? ACCESS_DENIED : UNAVAILABLE;
    return found(fault, severityOf(artifact, evidence, store, false), evidence.ioError);
  }
  const problem = readProblem(artifact, evidence, store, { now, isLeftAlone });
  if (problem === null) return null;
  if (problem.fault === STRAY_FILE) return diagnoseCopy(evidence, problem.evidence);
  const severity = problem.isHarmless ? "warning" : severityOf(artifact, evidence, store, problem.wasRead);
  const isUnowned = artifact.kind === "session_diff" && !evidence.reachable && !problem.isHarmless;
  return found(problem.fault, severity, isUnowned ? `${problem.evidence}; ${DIFFS_OF_NO_SESSION}` : problem.evidence);
}

/**
 * What opencode 1.0-1.1 does if a link or a folder is in the place of a record (measured on 1.0.0 to 1.1.65). Every
 * request succeeds, but the list lacks the session.
 */
const LEFT_OUT: Readonly<Partial<Record<RecordKind, string>>> = {
  session: "opencode does not list the session",
  message: "opencode shows the session without this message",
  part: "opencode shows the message without this part",
};

/** `undefined` if opencode treats the record like any other that it cannot read. */
function diagnoseNoFile(
  { kind }: Artifact,
  { reachable }: Evidence,
  store: StoreDescription,
  instead: string,
): Diagnosis | null | undefined {
  const leftOut = LEFT_OUT[kind];
  if (leftOut !== undefined)
    return found(FILE_IS_FOLDER, kind === "session" ? "blocking" : "warning", `${instead}; ${leftOut}`);
  if (kind !== "session_diff") return undefined;
  if (!reachable || !diffReading(store).failsUnopened) return null;
  return found(FILE_IS_FOLDER, "blocking", `${instead}; GET /session/:id/diff fails`);
}

function found(fault: Fault, severity: Severity, evidence: string): Diagnosis {
  return { fault, severity, remedy: fault.remedy, evidence };
}

function diagnoseStray(evidence: Evidence, store: StoreDescription): Diagnosis | null {
  if (evidence.stray === null || evidence.stray.outcome === "copy") return null;
  const { folder, outcome, holdsMessage } = evidence.stray;
  const size = amount(evidence.size, "byte");
  if (holdsMessage !== undefined && hostLine(store).readsOwnMessageIDs) {
    if (!holdsMessage) return found(STRAY_FILE, "blocking", `${size}, opencode finds no message in it`);
    const read = `${size}, read as a message by opencode ${versionsOf(hostLine(store))}, later versions fail`;
    return { ...found(STRAY_FILE, "warning", read), remedy: "report" };
  }
  if (outcome === "read-twice") {
    const twice = `${size}, its name makes opencode read a record twice`;
    return { fault: STRAY_FILE, severity: "warning", remedy: "report", evidence: twice };
  }
  const fails = evidence.reachable && (folder !== "session" || hostLine(store).failsWholeLists);
  const answer =
    outcome === "not-found" ? "opencode looks for a record that does not exist" : "its name is not a message id";
  return found(STRAY_FILE, fails ? "blocking" : "warning", `${size}, ${answer}`);
}

/**
 * Decides whether opencode fails on a damaged record (`blocking`) or works without the record (`warning`). A damaged
 * todo file counts as an empty list in opencode, and a damaged project file is written again. A record that no session
 * leads to is never read (measured on 1.0.152 and 1.1.65).
 */
function severityOf(artifact: Artifact, evidence: Evidence, store: StoreDescription, wasRead: boolean): Severity {
  // The diffs of deleted sessions usually stay. A damaged part without a message is rare, and may be content.
  if (!evidence.reachable) return artifact.kind === "session_diff" ? "info" : "warning";
  if (evidence.storage !== "file" || wasRead) return "blocking";
  if (artifact.kind === "session" && isLeftOutCopy(evidence, store)) return "warning";
  switch (artifact.kind) {
    case "todo":
    case "project":
      return "warning";
    case "session_diff":
      return diffReading(store).failsUnread ? "blocking" : "warning";
    default:
      return "blocking";
  }
}

/**
 * 1.1.53 to 1.1.65 leave an unreadable session file out of the list. If the file is only a copy, the list still has the
 * session, from the original file.
 */
function isLeftOutCopy({ stray }: Evidence, store: StoreDescription): boolean {
  return !hostLine(store).failsWholeLists && stray?.outcome === "copy" && stray.original.laterMs !== null;
}

const HOUR_MS = 60 * 60 * 1000;

interface Problem {
  readonly fault: Fault;
  readonly evidence: string;
  /** `true` if the record could be parsed, so the problem is in the parsed value. */
  readonly wasRead: boolean;
  /** `true` if opencode loads the session in spite of the problem. */
  readonly isHarmless?: boolean;
}

/** The facts that decide whether an unfinished turn still runs or was abandoned. */
interface Moment {
  readonly now: number;
  readonly isLeftAlone: boolean;
}

function readProblem(artifact: Artifact, evidence: Evidence, store: StoreDescription, moment: Moment): Problem | null {
  if (evidence.storage === "row") return valueProblem(artifact, evidence, evidence.row, store);
  if (evidence.bytes === null) return judgedInPieces(evidence, acceptedTopLevels(artifact, store));
  const bytes = Buffer.from(evidence.bytes.buffer, evidence.bytes.byteOffset, evidence.bytes.byteLength);
  const isNoUtf8 = evidence.storage === "file" && diffReading(store).isUtf8 && beginsAsUtf16(bytes);
  const parsed = isNoUtf8 ? null : parseAsHost(bytes, evidence.storage);
  if (parsed !== null && evidence.stray?.outcome === "copy" && isCopy(artifact, parsed.value, evidence.stray)) {
    return { fault: STRAY_FILE, evidence: copyWords(evidence.stray), wasRead: true };
  }
  if (parsed !== null) {
    return (
      valueProblem(artifact, evidence, parsed.value, store) ?? remarked(artifact, evidence, parsed.value, store, moment)
    );
  }
  if (evidence.storage === "blob") return unread(BINARY_VALUE, `BLOB of ${amount(bytes.length, "byte")}`);
  return classify(bytes);
}

function valueProblem(artifact: Artifact, evidence: Evidence, value: unknown, store: StoreDescription): Problem | null {
  const judgement = judge(artifact, value, evidence, store);
  if (judgement === "fits") return null;
  if (judgement === "no-record") {
    return { fault: NOT_AN_OBJECT, evidence: `${topLevelOf(value)}, ${amount(evidence.size, "byte")}`, wasRead: true };
  }
  const isHarmless = judgement.every((mismatch) => !mismatch.blocks);
  return { ...refusal(artifact, evidence, value, judgement), wasRead: true, isHarmless };
}

const FAULT_OF: Readonly<Record<Remark, Fault>> = {
  "unfinished-tool": UNFINISHED_TOOL,
  "unfinished-turn": UNFINISHED_TURN,
  "large-image": LARGE_IMAGE,
  "screen-fatal": SCREEN_FATAL,
  "message-without-role": MESSAGE_WITHOUT_ROLE,
  "part-without-type": PART_WITHOUT_TYPE,
};

function remarked(
  artifact: Artifact,
  evidence: Evidence,
  value: unknown,
  store: StoreDescription,
  moment: Moment,
): Problem | null {
  const { now, isLeftAlone } = moment;
  const remark = remarkOn(artifact, value, store, evidence.newer);
  if (remark === null || !holds(remark, evidence, now, isLeftAlone)) return null;
  const words = remarkWords(remark, artifact, evidence, value, store, now);
  return { fault: FAULT_OF[remark], evidence: words, wasRead: true, isHarmless: true };
}

function remarkWords(
  remark: Remark,
  artifact: Artifact,
  evidence: Evidence,
  value: unknown,
  store: StoreDescription,
  now: number,
): string {
  const { size, updatedMs } = evidence;
  if (remark === "large-image") return amount(size, "byte");
  if (SHOWN_NOWHERE.includes(remark)) return `the terminal UI shows nothing of the ${artifact.kind}`;
  if (remark === "screen-fatal") return screenWords(artifact, evidence, value, store);
  const hours = updatedMs === null ? 0 : Math.floor((now - updatedMs) / HOUR_MS);
  return hours === 0 ? "no process works on it" : `unchanged for ${amount(hours, "hour")}`;
}

function screenWords({ kind }: Artifact, { newer }: Evidence, value: unknown, store: StoreDescription): string {
  const { screen } = hostLine(store);
  const [first, ...others] = screen === null ? [] : mismatchesOnScreen(kind, value, screen, newer);
  const place = first === undefined ? "" : `${screenPath(first)}: ${first.words}`;
  const more = others.length === 0 ? "" : ` and ${others.length} more`;
  return `${place}${more}; the terminal UI of opencode 1.0 to 1.15 ends when this session is opened, 1.17 and newer show it`;
}

function judgedInPieces(evidence: Evidence, accepted: readonly string[]): Problem | null {
  const size = amount(evidence.size, "byte");
  const shape = evidence.shape;
  if (shape === null) return null;
  if (shape.shape === "complete") {
    const fits = shape.topLevel === "scalar" || accepted.includes(shape.topLevel);
    if (fits) return { fault: GIANT_RECORD, evidence: size, wasRead: true, isHarmless: true };
    return { fault: NOT_AN_OBJECT, evidence: `${shape.topLevel}, ${size}`, wasRead: true };
  }
  return fromShape(shape, size);
}

/**
 * Parses a record as opencode does; `null` if opencode's parser throws. opencode gives a BLOB to that parser as a byte
 * array, which becomes a text like `1,2,3`.
 */
function parseAsHost(bytes: Buffer, storage: Evidence["storage"]): { value: unknown } | null {
  // The parser would make several copies of a long text before it finds that the text is cut off.
  if (storage === "text" && bytes.length > LONG_BYTES && jsonShape(bytes).shape !== "complete") return null;
  const text =
    storage === "file" ? fileText(bytes) : storage === "text" ? sqliteText(bytes) : Array.from(bytes).join(",");
  try {
    return { value: JSON.parse(text) };
  } catch {
    return null;
  }
}

/**
 * The value that opencode parses from a JSON column of a database, or the problem that prevents the parsing. Evidence
 * holds sizes and offsets, never content.
 */
export function readStored(
  stored: Uint8Array,
  storage: "text" | "blob",
): { readonly value: unknown } | { readonly fault: Fault; readonly evidence: string } {
  const bytes = Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength);
  const parsed = parseAsHost(bytes, storage);
  if (parsed !== null) return parsed;
  if (storage === "blob") return { fault: BINARY_VALUE, evidence: `BLOB of ${amount(bytes.length, "byte")}` };
  const { fault, evidence } = classify(bytes);
  return { fault, evidence };
}

function unread(fault: Fault, evidence: string): Problem {
  return { fault, evidence, wasRead: false };
}

function fromShape(shape: Exclude<JsonShape, { shape: "complete" }>, size: string): Problem {
  switch (shape.shape) {
    case "blank":
      return unread(EMPTY, `${size}, nothing but white space`);
    case "incomplete":
      return unread(TRUNCATED, `${size}, the document does not end`);
    case "invalid":
      return unread(MALFORMED, `${size}, wrong at byte ${shape.offset}`);
  }
}

function classify(bytes: Buffer): Problem {
  const size = amount(bytes.length, "byte");
  if (bytes.length === 0) return unread(EMPTY, size);
  const content = bytes.findLastIndex((byte) => byte !== 0) + 1;
  if (content === 0) return unread(NUL_FILLED, `${size}, all NUL`);
  if (content < bytes.length) {
    return unread(NUL_TAIL, `${size}, the last ${bytes.length - content} are NUL`);
  }
  const shape = jsonShape(bytes);
  if (shape.shape === "incomplete" || shape.shape === "blank") return fromShape(shape, size);
  if (!isWellFormedUtf8(bytes)) return unread(NOT_UTF8, size);
  return shape.shape === "invalid" ? fromShape(shape, size) : unread(MALFORMED, size);
}
