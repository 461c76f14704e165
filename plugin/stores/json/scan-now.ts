import { basename, join } from "node:path";
import type { Bundle, RecordKind } from "../../model/artifact.ts";
import { errnoCode } from "../../platform/file-system.ts";
import { latin1Now, namesNow } from "../../platform/read-now.ts";
import { type Counts, noCounts, type RecordFile, type Visit } from "../store.ts";
import {
  fileArtifact,
  isMessageRecord,
  messageFolder,
  namedArtifact,
  partFolder,
  STORAGE,
  sessionFolder,
} from "./layout.ts";

const BEYOND_ASCII = /[^\0-\x7f]/;

/**
 * Visits the records that opencode reads for a session, synchronously on this thread: asynchronous reads would take
 * several times as long, and opencode is waiting. Each step is one message with its parts. An unusual entry (a folder,
 * a stray name, an unreadable file) is visited without a text, so that it is checked more closely. In the texts, each
 * byte became one character (Latin-1), as in a {@link Bundle}. Such a text is enough for a quick check, and is made
 * faster than a text from UTF-8.
 */
export function* scanSessionInSteps(
  dataDir: string,
  sessionID: string,
  visit: Visit,
  counts: Counts,
): Generator<void, void, void> {
  const reader = new Reader(dataDir, visit, counts);
  reader.record("todo", sessionID, `${STORAGE}/todo`, `${sessionID}.json`);
  reader.record("session_diff", sessionID, `${STORAGE}/session_diff`, `${sessionID}.json`);
  const messages = messageFolder(sessionID);
  for (const name of reader.namesIn(messages)) {
    yield;
    const message = { name, id: name.slice(0, -5), isRecord: name.endsWith(".json") };
    if (!isMessageRecord(message)) {
      visit(namedArtifact("stray", sessionID, messages, name), null, null);
      continue;
    }
    counts.messages += 1;
    reader.record("message", sessionID, messages, name);
    const parts = partFolder(message.id);
    for (const part of reader.namesIn(parts)) {
      const kind = part.endsWith(".json") ? "part" : "stray";
      if (kind === "part") counts.parts += 1;
      reader.record(kind, sessionID, parts, part);
    }
  }
}

/** Visits the records that decide whether a project's session list loads. Each step is one session. */
export function* scanListInSteps(
  dataDir: string,
  projectID: string,
  visit: Visit,
  counts: Counts,
): Generator<void, void, void> {
  const reader = new Reader(dataDir, visit, counts);
  reader.record("project", null, `${STORAGE}/project`, `${projectID}.json`);
  const folder = sessionFolder(projectID);
  // Ids of sessions count down, so sorted ids begin with the newest session.
  for (const name of inOrder(reader.namesIn(folder))) {
    yield;
    const kind = name.endsWith(".json") ? "session" : "stray";
    if (kind === "session") counts.sessions += 1;
    reader.record(kind, basename(name, ".json"), folder, name);
  }
}

/** Runs all steps of a scan without a pause. Returns `false` if `isOver` ended the scan first. */
export function throughNow(steps: Iterable<void>, isOver: () => boolean): boolean {
  for (const _step of steps) if (isOver()) return false;
  return true;
}

/** The largest number of names that are sorted in one call. */
const SORTED_AT_ONCE = 256;

/**
 * Yields names in sorted order, but sorts only as many as the caller reads. Of thousands of sessions, a start of
 * opencode reads only the first hundred.
 */
function* inOrder(names: string[]): Generator<string, void, void> {
  const middle = names[names.length >> 1];
  if (middle === undefined || names.length <= SORTED_AT_ONCE) {
    yield* names.sort();
    return;
  }
  // No name is lost by comparing with `<` and `>`, because no name occurs twice in a folder.
  yield* inOrder(names.filter((name) => name < middle));
  yield middle;
  yield* inOrder(names.filter((name) => name > middle));
}

/** Visits some files synchronously on this thread. Missing files are skipped. */
export function scanFilesNow(dataDir: string, files: readonly RecordFile[], visit: Visit): void {
  const reader = new Reader(dataDir, visit, noCounts());
  for (const { kind, sessionID, path } of files) {
    const slash = path.lastIndexOf("/");
    reader.record(kind, sessionID, path.slice(0, slash), path.slice(slash + 1));
  }
}

class Reader {
  readonly #root: string;
  readonly #visit: Visit;
  readonly #counts: Counts;

  constructor(dataDir: string, visit: Visit, counts: Counts) {
    // `join` takes as long as opening a file. So `join` is called only once, and `+` makes the path of each file.
    this.#root = join(dataDir, "/");
    this.#visit = visit;
    this.#counts = counts;
  }

  /** The names in a folder as opencode lists them, without names that begin with a dot. */
  namesIn(folder: string): string[] {
    try {
      const names = namesNow(this.#root + folder);
      return names.some(isHidden) ? names.filter((name) => !isHidden(name)) : names;
    } catch (error) {
      if (errnoCode(error) === "ENOENT" || errnoCode(error) === "ENOTDIR") return [];
      this.#visit(fileArtifact("stray", null, folder), null, null);
      return [];
    }
  }

  record(kind: RecordKind, sessionID: string | null, folder: string, name: string): void {
    const artifact = namedArtifact(kind, sessionID, folder, name);
    if (kind === "stray") {
      this.#visit(artifact, null, null);
      return;
    }
    const text = latin1Now(`${this.#root}${folder}/${name}`);
    if (text === undefined) return;
    if (text !== null) this.#counts.bytes += text.length;
    // In the text, each byte became one character. So an id that is not ASCII differs in the name and in the text, and
    // the record is checked more closely. A file in UTF-16 is checked more closely too, because its text is not JSON.
    this.#visit(artifact, BEYOND_ASCII.test(name) ? null : text, null);
  }
}

function isHidden(name: string): boolean {
  return name.charCodeAt(0) === DOT;
}

const DOT = 0x2e;
