import { folderKey } from "../../hosts/folder-paths.ts";
import { sessionCell } from "../../hosts/row-form.ts";
import { pathSystem } from "../../hosts/store-line.ts";
import type { Locator, RowValues } from "../../model/artifact.ts";
import type { Replacement } from "../../model/replacement.ts";
import type { StoreDescription } from "../../model/store-description.ts";
import { cutDocument, wholeMembers } from "../../records/cut-document.ts";
import { sessionRows } from "../../rescue/session-rows.ts";
import {
  type Fields,
  isFields,
  type ProjectFacts,
  parseDocument,
  type StoredMessage,
  textIn,
  unknownSession,
} from "../../stores/conversation.ts";
import { isPlainID, sessionFolder } from "../../stores/json/layout.ts";

/** The content of a rebuilt session record, and the file or row into which it is written. */
export interface RebuiltSession {
  readonly locator: Locator;
  readonly content: Replacement["content"];
}

/**
 * Makes a record for a session that has messages but no record. The folder and the times come from the messages, and
 * the project from the folder. The title says that the session was rebuilt. Returns `null` if no message can be read,
 * or if no project in the store has that folder.
 */
export function rebuiltSession(
  sessionID: string,
  messages: readonly StoredMessage[],
  projects: readonly ProjectFacts[],
  store: StoreDescription,
): RebuiltSession | null {
  const root = rootOf(messages);
  const key = (folder: string) => folderKey(pathSystem(store), folder);
  const project = projects.find(
    ({ worktree, sandboxes }) => root !== null && [worktree, ...sandboxes].map(key).includes(key(root)),
  );
  return project === undefined ? null : inProject(sessionID, messages, project, store);
}

const NO_PROJECT = { sandboxes: [], updatedMs: null, directories: [] } as const;

/**
 * Makes a record for a session whose file cannot be read. Readable values in the file are kept, most importantly the
 * title. All other values come from the messages. `projectID` is the project in whose folder the file is. Returns
 * `null` if that project has no record and no message names the project's folder.
 */
export function rebuiltSessionFile(
  sessionID: string,
  projectID: string,
  left: string,
  messages: readonly StoredMessage[],
  projects: readonly ProjectFacts[],
  store: StoreDescription,
): Uint8Array | null {
  const root = rootOf(messages);
  // The project has no record. opencode will write that record again, but until then only the messages name the
  // project's folder.
  const unrecorded = root === null ? undefined : { ...NO_PROJECT, id: projectID, worktree: root };
  const project = projects.find(({ id }) => id === projectID) ?? unrecorded;
  const rebuilt = project === undefined ? null : inProject(sessionID, messages, project, store);
  if (rebuilt === null || !("bytes" in rebuilt.content)) return null;
  const record = JSON.parse(Buffer.from(rebuilt.content.bytes).toString("utf8")) as Fields;
  const said = legibleIn(left);
  // A session without messages and without a title would be of no use to anybody.
  if (messages.length === 0 && textIn(said, "title") === null) return null;
  const directory = textIn(said, "directory") ?? (textIn(record, "directory") || project?.worktree);
  const time = { ...fieldsIn(record, "time"), ...fieldsIn(said, "time") };
  return Buffer.from(JSON.stringify({ ...record, ...said, id: sessionID, projectID, directory, time }, null, 2));
}

/** The complete fields of a cut-off session file. A title that was cut keeps its beginning, followed by an ellipsis. */
function legibleIn(left: string): Fields {
  const whole = wholeMembers(left);
  const title = textIn(cutDocument(left), "title");
  if (title === null || title === "" || "title" in whole) return whole;
  return { ...whole, title: left.includes(JSON.stringify(title)) ? title : `${title} …` };
}

function fieldsIn(record: Fields, name: string): Fields {
  const value = record[name];
  return isFields(value) ? value : {};
}

function inProject(
  sessionID: string,
  messages: readonly StoredMessage[],
  project: ProjectFacts,
  store: StoreDescription,
): RebuiltSession | null {
  if (!sessionID.startsWith("ses")) return null;
  const columns = { session: null, project: null, todos: [], share: null };
  const { rows, refused } = sessionRows(
    { facts: unknownSession(sessionID), columns, messages },
    { store, projectID: project.id, worktree: project.worktree, hasProject: true },
  );
  const row = rows.find(({ table }) => table === "session");
  if (row === undefined || refused !== null) return null;
  if (store.database === undefined) return asFile(sessionID, project.id, row.values, store);
  const cells = new Map(Object.entries(row.values).map(([name, value]) => [name, sessionCell(name, value)]));
  return { locator: { table: "session", key: { id: sessionID } }, content: { cells } };
}

/** The root folder of the project, from the last answer that names it. */
export function rootOf(messages: readonly StoredMessage[]): string | null {
  for (const { document } of messages.toReversed()) {
    const parsed = document === null ? null : parseDocument(document);
    const root = parsed?.ok === true ? textIn(parsed.value, "path", "root") : null;
    if (root !== null) return root;
  }
  return null;
}

/**
 * The file of a session in the form that opencode 1.0-1.1 writes. Messages do not name the opencode version, so the
 * version of the newest session in the store is used.
 */
function asFile(
  id: string,
  projectID: string,
  { directory, title, time_created: created, time_updated: updated }: RowValues,
  store: StoreDescription,
): RebuiltSession | null {
  if (!isPlainID(id) || !isPlainID(projectID)) return null;
  const version = store.hostVersion ?? "1.0.0";
  const record = { id, slug: id, version, projectID, directory, title, time: { created, updated } };
  return {
    locator: { path: `${sessionFolder(projectID)}/${id}.json` },
    content: { bytes: Buffer.from(JSON.stringify(record, null, 2)) },
  };
}
