import { isAbsoluteFor, mountInWSL, relativePath, storedPath, systemOfPath } from "../hosts/folder-paths.ts";
import { hostLine, pathSystem } from "../hosts/store-line.ts";
import type { RowValues } from "../model/artifact.ts";
import type { NewRow } from "../model/replacement.ts";
import type { StoreDescription } from "../model/store-description.ts";
import { fits } from "../records/contract.ts";
import {
  type Fields,
  isFields,
  numberIn,
  type Parsed,
  parseDocument,
  type SessionColumns,
  type SessionFacts,
  type StoredDocument,
  type StoredMessage,
  textIn,
  valueIn,
} from "../stores/conversation.ts";
import { type Around, completeDocument } from "./complete-document.ts";

/** A session as it was read from another store. */
export interface ReadSession {
  readonly facts: SessionFacts;
  readonly columns: SessionColumns;
  readonly messages: readonly StoredMessage[];
}

/** The database and the project into which a session is written. */
export interface Destination {
  readonly store: StoreDescription;
  readonly projectID: string;
  readonly worktree: string;
  /** Whether the target database already has a row for the project. */
  readonly hasProject: boolean;
}

export interface SessionRows {
  /** The rows to add. Parents come before their children. */
  readonly rows: readonly NewRow[];
  /** For each field that was missing and got a value: its path, and how often that happened. */
  readonly completed: Readonly<Record<string, number>>;
  /** Records that are not added, because opencode could not load them. They stay in the other store. */
  readonly leftOut: readonly LeftOut[];
  /** Why the session must not be added (opencode's whole session list would fail); `null` if it can be added. */
  readonly refused: string | null;
}

export interface LeftOut {
  readonly kind: "session" | "message" | "part";
  readonly recordID: string;
  readonly why: string;
}

interface ReadMessage {
  readonly stored: StoredMessage;
  readonly info: Fields;
  readonly timeMs: number;
}

/**
 * Makes the rows of a session for another database. Ids, times and all fields stay the same, as in opencode's own
 * import of JSON files (1.2-1.14). A pure function.
 */
export function sessionRows(source: ReadSession, to: Destination): SessionRows {
  const sessionID = source.facts.id;
  const completed: Record<string, number> = {};
  const leftOut: LeftOut[] = [];
  const documents: NewRow[] = [];
  const infos: Fields[] = [];
  const readable = readMessages(source, leftOut);
  const complete = (
    kind: "message" | "part",
    document: StoredDocument,
    value: unknown,
    around: Around,
  ): Fields | null => {
    const { recordID } = document;
    const { id: _, sessionID: _session, ...rest } = isFields(value) ? value : {};
    const completion = completeDocument(kind, recordID, sessionID, isFields(value) ? rest : value, around, to.store);
    if (!completion.ok || !isFields(completion.value)) {
      leftOut.push({
        kind,
        recordID,
        why: completion.ok ? "not a record" : `opencode would refuse it (${completion.why})`,
      });
      return null;
    }
    for (const path of completion.added) completed[path] = (completed[path] ?? 0) + 1;
    return completion.value;
  };
  readable.forEach(({ stored, info, timeMs }, index) => {
    const { messageID, document } = stored;
    if (document === null) return;
    const around = aroundOf(readable, index);
    const data = complete("message", document, info, around);
    if (data === null) {
      for (const part of stored.parts)
        leftOut.push({ kind: "part", recordID: part.recordID, why: "its message is left out" });
      return;
    }
    infos.push(data);
    documents.push({
      table: "message",
      key: { id: messageID },
      values: {
        id: messageID,
        session_id: sessionID,
        time_created: timeMs,
        time_updated: whole(document.updatedMs) ?? timeMs,
        data: JSON.stringify(data),
      },
    });
    for (const part of stored.parts) {
      const parsed = parseDocument(part);
      if (!parsed.ok) {
        leftOut.push({ kind: "part", recordID: part.recordID, why: "it cannot be read" });
        continue;
      }
      const value = complete("part", part, parsed.value, around);
      if (value === null) continue;
      const { messageID: _, ...partData } = value;
      const created = partTime(part, value, "created") ?? timeMs;
      documents.push({
        table: "part",
        key: { id: part.recordID },
        values: {
          id: part.recordID,
          message_id: messageID,
          session_id: sessionID,
          time_created: created,
          time_updated: partTime(part, value, "updated") ?? created,
          data: JSON.stringify(partData),
        },
      });
    }
  });
  const session = fitting(sessionRow(source, to, readable, infos), to.store, leftOut);
  const rows = [...projectRows(source, to), session, ...documents, ...relatedRows(source.columns, session.values)];
  return {
    rows,
    completed,
    leftOut,
    refused: fitsRow(session, to.store) ? null : "opencode could not load its record",
  };
}

const JSON_COLUMNS = ["revert", "permission", "summary_diffs", "metadata", "model"];

/** The row of the session, where optional values that opencode would refuse are empty. */
function fitting(row: NewRow, store: StoreDescription, leftOut: LeftOut[]): NewRow {
  const values = { ...row.values };
  for (const column of JSON_COLUMNS) {
    const text = values[column];
    if (typeof text !== "string" || fitsColumn(row, column, text, store)) continue;
    values[column] = null;
    leftOut.push({ kind: "session", recordID: row.key.id ?? "", why: `opencode would refuse its ${column}` });
  }
  return { ...row, values };
}

function fitsColumn({ key, values }: NewRow, column: string, text: string, store: StoreDescription): boolean {
  const id = key.id ?? "";
  const artifact = {
    kind: "session" as const,
    sessionID: id,
    recordID: id,
    locator: { table: "session", key, column },
  };
  try {
    return fits(artifact, JSON.parse(text), { row: values, siblings: null }, store);
  } catch {
    return false;
  }
}

function fitsRow({ key, values }: NewRow, store: StoreDescription): boolean {
  const id = key.id ?? "";
  const artifact = { kind: "session" as const, sessionID: id, recordID: id, locator: { table: "session", key } };
  return fits(artifact, values, { row: values, siblings: null }, store);
}

function readMessages({ messages }: ReadSession, leftOut: LeftOut[]): ReadMessage[] {
  const read: ReadMessage[] = [];
  for (const stored of messages) {
    const parsed: Parsed = stored.document === null ? { ok: false } : parseDocument(stored.document);
    if (stored.document === null || !parsed.ok || !isFields(parsed.value)) {
      const why = stored.document === null ? "it is not there" : "it cannot be read";
      leftOut.push({ kind: "message", recordID: stored.messageID, why });
      for (const { recordID } of stored.parts) {
        leftOut.push({ kind: "part", recordID, why: "its message cannot be read" });
      }
      continue;
    }
    const own = numberIn(parsed.value, "time", "created");
    const timeMs =
      stored.document.storage === "file" ? (own ?? stored.document.timeMs) : (stored.document.timeMs ?? own);
    read.push({ stored, info: parsed.value, timeMs: whole(timeMs) ?? 0 });
  }
  return read.sort((a, b) => a.timeMs - b.timeMs || (a.stored.messageID < b.stored.messageID ? -1 : 1));
}

function aroundOf(messages: readonly ReadMessage[], index: number): Around {
  const before = messages.slice(0, index).findLast(({ info }) => textIn(info, "role") === "user");
  const answers = messages.filter(({ info }) => textIn(info, "modelID") !== null);
  const answer =
    answers.find(({ info }) => textIn(info, "parentID") === messages[index]?.stored.messageID) ??
    answers.find((each) => messages.indexOf(each) > index) ??
    answers.at(-1);
  const [providerID, modelID] = [textIn(answer?.info, "providerID"), textIn(answer?.info, "modelID")];
  return {
    model: providerID === null || modelID === null ? null : { providerID, modelID },
    previousUserID: before?.stored.messageID ?? null,
    messageMs: messages[index]?.timeMs ?? 0,
  };
}

function partTime(part: StoredDocument, value: Fields, which: "created" | "updated"): number | null {
  if (part.storage !== "file") return whole(which === "created" ? part.timeMs : part.updatedMs);
  const time = valueIn(value, "time") ?? valueIn(value, "state", "time");
  const [first, second] = which === "created" ? ["created", "start"] : ["end", "start"];
  return whole(numberIn(time, first ?? "") ?? numberIn(time, second ?? ""));
}

function sessionRow(
  { facts, columns }: ReadSession,
  to: Destination,
  messages: readonly ReadMessage[],
  infos: readonly Fields[],
): NewRow {
  const { id } = facts;
  const known = columns.session ?? {};
  const text = (name: string) => (typeof known[name] === "string" ? known[name] : null);
  const number = (name: string) => (typeof known[name] === "number" ? known[name] : null);
  const directory = absolute(text("directory") ?? firstText(infos, "path", "cwd"), to.store);
  const created = whole(number("time_created")) ?? messages[0]?.timeMs ?? whole(facts.updatedMs) ?? 0;
  const sums = usage(infos);
  const values: RowValues = {
    ...sums,
    ...known,
    ...Object.fromEntries(
      Object.keys(sums).flatMap((name) => (number(name) === null ? [] : [[name, known[name] ?? 0]])),
    ),
    id,
    project_id: to.projectID,
    workspace_id: null,
    parent_id: beginning("ses", text("parent_id")),
    slug: text("slug") ?? "",
    directory,
    path: text("path") ?? pathTo(to, directory),
    title: text("title") ?? `Recovered session ${new Date(created).toISOString().slice(0, 10)}`,
    version: text("version") ?? "",
    time_created: created,
    time_updated: whole(number("time_updated")) ?? messages.at(-1)?.timeMs ?? created,
    time_compacting: whole(number("time_compacting")),
    time_archived: whole(number("time_archived")),
  };
  return { table: "session", key: { id }, values };
}

/** Cost and tokens of a session, computed as opencode's own migration `session_usage` computes them. */
function usage(infos: readonly Fields[]): Record<string, number> {
  const sum = (...path: readonly string[]) => infos.reduce((total, info) => total + (numberIn(info, ...path) ?? 0), 0);
  return {
    cost: sum("cost"),
    tokens_input: sum("tokens", "input"),
    tokens_output: sum("tokens", "output"),
    tokens_reasoning: sum("tokens", "reasoning"),
    tokens_cache_read: sum("tokens", "cache", "read"),
    tokens_cache_write: sum("tokens", "cache", "write"),
  };
}

function projectRows({ columns }: ReadSession, { store, projectID, worktree, hasProject }: Destination): NewRow[] {
  if (hasProject) return [];
  const known = columns.project ?? {};
  const time = known.time_created ?? 0;
  const values = {
    ...known,
    id: projectID,
    worktree,
    // opencode cannot start in the folder of a project whose record it refuses, so a wrong value is left out.
    vcs: known.vcs === "git" ? "git" : null,
    time_created: time,
    time_updated: known.time_updated ?? time,
    sandboxes: JSON.stringify(
      sandboxesIn(known.sandboxes).filter((folder) => isAbsoluteFor(pathSystem(store), folder)),
    ),
  };
  return [{ table: "project", key: { id: projectID }, values }];
}

function sandboxesIn(json: RowValues[string] | undefined): string[] {
  const parsed = typeof json === "string" ? parseDocument({ bytes: Buffer.from(json), storage: "text" }) : null;
  const list = parsed?.ok === true && Array.isArray(parsed.value) ? parsed.value : [];
  return list.filter((folder) => typeof folder === "string");
}

function relatedRows({ todos, share }: SessionColumns, session: RowValues): NewRow[] {
  const times = { time_created: session.time_updated ?? 0, time_updated: session.time_updated ?? 0 };
  const timed = (row: RowValues): RowValues => ({
    ...row,
    time_created: row.time_created ?? times.time_created,
    time_updated: row.time_updated ?? times.time_updated,
  });
  const sessionID = String(session.id);
  const rows: NewRow[] = todos.map((todo) => ({
    table: "todo",
    key: { session_id: sessionID, position: String(todo.position) },
    values: timed(todo),
  }));
  if (share !== null) rows.push({ table: "session_share", key: { session_id: sessionID }, values: timed(share) });
  return rows;
}

/**
 * The folder of a session in the form that opencode accepts. From 1.17 on, one folder that is not an absolute path
 * makes the whole list fail; an empty folder is accepted. On Windows these versions store folders with `/`. On other
 * systems, a Windows folder becomes the path under which WSL shows it.
 */
function absolute(directory: string | null, store: StoreDescription): string {
  if (directory === null) return "";
  const system = pathSystem(store);
  const here = system === "posix" && systemOfPath(directory) === "windows" ? mountInWSL(directory) : directory;
  if (!hostLine(store).wantsAbsolutePaths) return here ?? directory;
  return here !== null && isAbsoluteFor(system, here) ? storedPath(system, here) : "";
}

/** The path of the folder below the git worktree. Empty if the folder is a path of another operating system. */
function pathTo({ store, worktree }: Destination, directory: string): string {
  const own = systemOfPath(directory);
  if (directory === "" || (own !== null && own !== pathSystem(store))) return "";
  return relativePath(pathSystem(store), worktree, directory);
}

function beginning(prefix: string, id: string | null): string | null {
  return id?.startsWith(prefix) === true ? id : null;
}

function firstText(infos: readonly Fields[], ...path: readonly string[]): string | null {
  for (const info of infos) {
    const text = textIn(info, ...path);
    if (text !== null) return text;
  }
  return null;
}

function whole(value: number | null): number | null {
  return value === null ? null : Math.trunc(value);
}
