import { NOT_AN_OBJECT } from "../faults/unreadable.ts";
import { storedPath } from "../hosts/folder-paths.ts";
import { messageRow, sessionCell } from "../hosts/row-form.ts";
import { pathSystem } from "../hosts/store-line.ts";
import { type CellValue, isFileLocator } from "../model/artifact.ts";
import type { ConfirmedFinding } from "../model/finding.ts";
import type { Replacement } from "../model/replacement.ts";
import { fits } from "../records/contract.ts";
import { readBeginning, wholeMembers } from "../records/cut-document.ts";
import { textBeginning } from "../records/file-text.ts";
import { type RebuiltMessage, rebuiltMessage } from "../remedies/rebuild/rebuilt-message.ts";
import { type RebuiltProject, rebuiltProject, worktreeOf } from "../remedies/rebuild/rebuilt-project.ts";
import { rebuiltSessionFile, rootOf } from "../remedies/rebuild/rebuilt-session.ts";
import {
  type Fields,
  parseDocument,
  type SessionColumns,
  type SessionFacts,
  type StoredMessage,
  textIn,
} from "../stores/conversation.ts";
import { byTime, factsIn, factsOf } from "../stores/message-facts.ts";
import type { MessageFacts } from "../stores/outline.ts";
import type { Store } from "../stores/store.ts";
import { plural } from "../words/amounts.ts";
import { FROM_OWN_PARTS, FROM_SESSIONS, SAID_BY_MESSAGES } from "../words/sources.ts";
import { bySession } from "./by-session.ts";
import { closedRecord } from "./closed.ts";
import { completeDraft } from "./complete-draft.ts";
import { copiesBeside } from "./from-copy.ts";

const AFTER_THE_RECORD =
  "Run `opencode-session-repair repair` first: it restores the damaged record. Then run `opencode-session-repair repair --only stray-file`: it moves the copy, which opencode shows as a second record.";

/**
 * Looks for content that can replace a damaged record, so that the record need not be quarantined. The new content is a
 * copy of the file, or the readable part of the record. For a message, its parts and neighbours are used. For a
 * project, its sessions are used. Reads only.
 */
export async function withRebuilt(store: Store, findings: readonly ConfirmedFinding[]): Promise<ConfirmedFinding[]> {
  const rebuilt = new Map<ConfirmedFinding, ConfirmedFinding>();
  const copies = await copiesBeside(store, findings);
  for (const finding of findings) {
    const closed = await closedRecord(store, finding);
    const beside = copies.get(finding);
    if (beside !== undefined) {
      // The copy has its own finding, which would move it to quarantine. While the record itself is damaged, the copy
      // is only reported, because the copy may be needed to repair the record.
      const evidence = `a complete copy of ${finding.recordID}, which is damaged`;
      rebuilt.set(beside.copy, { ...beside.copy, remedy: "report", evidence, advice: AFTER_THE_RECORD });
    }
    // A sync tool may have copied the file while opencode was still writing it. So the readable part of the damaged
    // record may have more content than the copy.
    if (beside !== undefined && (closed === null || !(closed.isWhole || beside.isOlder))) {
      const which = beside.isOlder ? "an older whole copy of the record" : "a whole copy of the record";
      const evidence = `${finding.evidence}; ${which} is in the same folder`;
      rebuilt.set(finding, { ...finding, evidence, rebuilt: beside.replacement });
      continue;
    }
    if (closed === null) continue;
    const evidence = `${finding.evidence}; ${closed.words}`;
    rebuilt.set(finding, { ...finding, evidence, rebuilt: closed.replacement });
  }
  const lost = findings.filter((finding) => isLostMessage(finding) && !rebuilt.has(finding));
  for (const [sessionID, damaged] of bySession(lost, (finding) => finding.sessionID)) {
    if (sessionID === null) continue;
    const wanted = new Map(damaged.map((finding) => [finding.recordID ?? "", finding]));
    const { frame, own } = await frameOf(store, sessionID, wanted);
    let { messages } = frame;
    // Each message is tried twice. Example: an answer cannot be rebuilt as long as its question is lost, but can be
    // rebuilt after the question.
    for (const message of [...own, ...own]) {
      const finding = wanted.get(message.messageID);
      if (finding === undefined || rebuilt.has(finding)) continue;
      const made = rebuiltMessage(message, messages, completeDraft(message.messageID, sessionID, frame.columns));
      if (made === null) continue;
      const { messageID, parts } = message;
      const facts = factsIn(messageID, made.createdMs, made.document);
      messages = [...messages.filter(({ id }) => id !== messageID), facts].sort(byTime);
      const stay = `its ${plural(parts.length, "part")} ${parts.length === 1 ? "stays" : "stay"} if the record is rebuilt`;
      const replacement = asReplacement(finding, sessionID, made);
      rebuilt.set(finding, { ...finding, evidence: `${finding.evidence}; ${stay}`, rebuilt: replacement });
    }
  }
  for (const finding of findings) {
    if (finding.kind === "project" && !rebuilt.has(finding)) rebuilt.set(finding, await withProject(store, finding));
    if (finding.kind === "session" && !rebuilt.has(finding)) rebuilt.set(finding, await withSession(store, finding));
    if (finding.code !== NOT_AN_OBJECT.code || finding.replacement !== null) continue;
    const replacement = await writtenTwice(store, finding);
    if (replacement !== null) rebuilt.set(finding, { ...finding, rebuilt: replacement });
  }
  return findings.map((finding) => rebuilt.get(finding) ?? finding);
}

/** Some programs stored a record as JSON text inside a JSON text. Returns the inner record, if opencode accepts it. */
async function writtenTwice(
  store: Store,
  { kind, sessionID, recordID, locator }: ConfirmedFinding,
): Promise<Replacement | null> {
  if (isFileLocator(locator) || (kind !== "message" && kind !== "part")) return null;
  const artifact = { kind, sessionID, recordID, locator };
  const evidence = await store.examine(artifact);
  if (evidence === null || evidence.bytes === null || evidence.storage === "row") return null;
  const outer = parseDocument({ bytes: Buffer.from(evidence.bytes), storage: evidence.storage });
  if (!outer.ok || typeof outer.value !== "string") return null;
  const bytes = Buffer.from(outer.value, "utf8");
  const inner = parseDocument({ bytes, storage: "text" });
  if (!inner.ok || !fits(artifact, inner.value, evidence, store.description)) return null;
  return { source: "the record within the text", content: { cells: new Map([["data", { storage: "text", bytes }]]) } };
}

function isLostMessage({ kind, remedy, severity, seen }: ConfirmedFinding): boolean {
  return kind === "message" && remedy === "quarantine" && severity === "blocking" && seen !== null;
}

/** Rebuilt rows for messages of a session that are gone, although their parts still exist. */
export async function looseMessages(
  store: Store,
  sessionID: string,
): Promise<{ readonly messageID: string; readonly parts: number; readonly row: ReadonlyMap<string, CellValue> }[]> {
  const own: StoredMessage[] = [];
  const messages: MessageFacts[] = [];
  for await (const message of store.conversations.messages(sessionID)) {
    if (message.document === null) own.push(message);
    else messages.push(factsOf(message));
  }
  const columns = await store.conversations.sessionColumns(sessionID);
  return own.flatMap((message) => {
    const made = rebuiltMessage(
      message,
      messages.toSorted(byTime),
      completeDraft(message.messageID, sessionID, columns),
    );
    if (made === null || !message.messageID.startsWith("msg")) return [];
    const { messageID, parts } = message;
    messages.push(factsIn(messageID, made.createdMs, made.document));
    const record = { ...made.document, id: messageID, sessionID };
    return [{ messageID, parts: parts.length, row: messageRow(record) }];
  });
}

/**
 * Rebuilds the record of a project from its sessions. Returns `null` if there are no sessions, or if no single project
 * folder follows from the sessions.
 */
export async function projectFromSessions(store: Store, id: string, said?: Fields): Promise<RebuiltProject | null> {
  const { sessions, root } = await ofProject(store, id);
  if (sessions.length === 0) return null;
  return rebuiltProject(id, sessions, root, await store.conversations.projectFacts(), store.description, said);
}

/** At most this many sessions of a project are searched for the project's folder, the last used ones first. */
const MOST_ASKED = 20;

async function ofProject(
  store: Store,
  id: string,
): Promise<{ readonly sessions: readonly SessionFacts[]; readonly root: string | null }> {
  const sessions = (await store.conversations.sessionFacts()).filter(
    ({ projectID, hasRecord }) => projectID === id && hasRecord,
  );
  for (const session of sessions.slice(0, MOST_ASKED)) {
    const messages: StoredMessage[] = [];
    for await (const message of store.conversations.messages(session.id)) messages.push({ ...message, parts: [] });
    const root = rootOf(messages);
    if (root !== null) return { sessions, root };
  }
  return { sessions, root: null };
}

/** Adds a rebuilt record to the finding on a project that cannot be read, or whose folder opencode refuses. */
async function withProject(store: Store, finding: ConfirmedFinding): Promise<ConfirmedFinding> {
  const { locator, recordID, remedy } = finding;
  if (recordID === null || finding.seen === null) return finding;
  if (isFileLocator(locator)) {
    if (remedy !== "quarantine") return finding;
    const rebuilt = await projectFromSessions(store, recordID, await legibleIn(store, finding));
    if (rebuilt === null) return finding;
    return { ...finding, rebuilt: { source: FROM_SESSIONS, content: rebuilt.content } };
  }
  if (remedy !== "report" || locator.column !== undefined) return finding;
  const { sessions, root } = await ofProject(store, recordID);
  const system = pathSystem(store.description);
  const found = worktreeOf(recordID, sessions, root, system);
  const artifact = { kind: "project", sessionID: null, recordID, locator } as const;
  const row = (await store.examine(artifact))?.row ?? null;
  if (found === null || row === null) return finding;
  const worktree = storedPath(system, found);
  if (!fits(artifact, { ...row, worktree }, { row: { ...row, worktree }, siblings: null }, store.description))
    return finding;
  const cells = new Map([["worktree", sessionCell("worktree", worktree)]]);
  return { ...finding, rebuilt: { source: FROM_SESSIONS, content: { cells } } };
}

/**
 * Adds a rebuilt record to the finding on a session file that cannot be read. Without that file, opencode does not list
 * the session.
 */
async function withSession(store: Store, finding: ConfirmedFinding): Promise<ConfirmedFinding> {
  const { locator, recordID: sessionID, remedy, severity, seen } = finding;
  const isLost = remedy === "quarantine" && severity === "blocking" && seen !== null;
  const projectID = isFileLocator(locator) ? /\/session\/([^/]+)\//.exec(locator.path)?.[1] : undefined;
  if (!isLost || projectID === undefined || sessionID === null) return finding;
  const artifact = { kind: "session", sessionID, recordID: sessionID, locator } as const;
  const evidence = await store.examine(artifact);
  if (evidence?.bytes == null || evidence.stray !== null) return finding;
  const messages: StoredMessage[] = [];
  for await (const message of store.conversations.messages(sessionID)) messages.push({ ...message, parts: [] });
  const left = textBeginning(evidence.bytes);
  const projects = await store.conversations.projectFacts();
  const bytes = rebuiltSessionFile(sessionID, projectID, left, messages, projects, store.description);
  if (bytes === null) return finding;
  const value: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
  if (!fits(artifact, value, evidence, store.description)) return finding;
  const source = `rebuilt from the readable part of the record, and ${SAID_BY_MESSAGES}`;
  const isNamed = textIn(readBeginning(left)?.value, "title") !== null;
  const title = isNamed ? "" : `; its title is lost and becomes "${textIn(value, "title")}"`;
  const words = `the session stays in the list if its record is rebuilt${title}`;
  return { ...finding, evidence: `${finding.evidence}; ${words}`, rebuilt: { source, content: { bytes } } };
}

async function legibleIn(store: Store, { kind, sessionID, recordID, locator }: ConfirmedFinding): Promise<Fields> {
  const bytes = (await store.examine({ kind, sessionID, recordID, locator }))?.bytes ?? null;
  return bytes === null ? {} : wholeMembers(textBeginning(bytes));
}

/** The facts about a session that are needed to rebuild its messages. */
interface SessionFrame {
  /** All readable messages, in the order of {@link byTime}. */
  readonly messages: readonly MessageFacts[];
  readonly columns: SessionColumns;
}

/** Reads a summary of all messages of a session, and the `wanted` messages with all their parts. */
async function frameOf(
  store: Store,
  sessionID: string,
  wanted: ReadonlyMap<string, unknown>,
): Promise<{ readonly frame: SessionFrame; readonly own: readonly StoredMessage[] }> {
  const own: StoredMessage[] = [];
  const messages: MessageFacts[] = [];
  for await (const message of store.conversations.messages(sessionID)) {
    if (wanted.has(message.messageID)) own.push(message);
    if (message.document !== null) messages.push(factsOf(message));
  }
  const columns = await store.conversations.sessionColumns(sessionID);
  return { frame: { messages: messages.sort(byTime), columns }, own };
}

function asReplacement(
  { locator, recordID }: ConfirmedFinding,
  sessionID: string,
  { document }: RebuiltMessage,
): Replacement {
  // A file contains the ids of its record, as opencode 1.0-1.1 writes it. A database row has the ids in separate
  // columns.
  const content: Replacement["content"] = isFileLocator(locator)
    ? { bytes: Buffer.from(JSON.stringify({ id: recordID, sessionID, ...document }, null, 2)) }
    : { cells: new Map([["data", { storage: "text", bytes: Buffer.from(JSON.stringify(document), "utf8") }]]) };
  return { source: FROM_OWN_PARTS, content };
}
