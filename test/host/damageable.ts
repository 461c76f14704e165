import { IS_WHOLE } from "../process/whole.ts";
import { type HostVersion, isJsonHost } from "./binary.ts";
import { DAMAGES, type Damage, ZERO_BYTES } from "./damage.ts";
import { filePlace, openDatabase, type RecordPlace, rowPlace } from "./record-place.ts";
import { changed, type SessionAnswers } from "./session-answers.ts";
import type { StoredSession } from "./sessions.ts";
import type { RealStore } from "./stored-fixture.ts";

/** A record that a test damages, and the answers that opencode must give after the record was quarantined. */
export interface Damageable {
  readonly place: RecordPlace;
  /** The id of the session that the test requests. */
  readonly asked: string;
  /**
   * What opencode does with the record when it starts to work in the project. With `ignores`, opencode reads the record
   * only when it is requested.
   */
  readonly boot: "ignores" | "reads" | "rewrites";
  /** Returns opencode's answers for a healthy store without this record. Everything else stays unchanged. */
  without(healthy: SessionAnswers): SessionAnswers;
}

type Columns = "summary_diffs" | "metadata" | "revert" | "permission" | "model";

const OF_A_SECOND = ["zero bytes", "truncated", "a BLOB of the same bytes"];

/** These hosts store records in the same way as 1.1.65 and 1.2.27, and also require only valid JSON. */
const SECOND_HOSTS: readonly HostVersion[] = ["1.0.152", "1.14.41"];

/** Two SQLite hosts share the damages that break the rules of JSON. Each host tries every second one. */
const TURNS: Readonly<Partial<Record<HostVersion, 0 | 1>>> = { "1.2.27": 1, "1.14.41": 0, "1.18.33": 0 };

/**
 * The damages that are tried on a record. The oracle tries the others at random, on every host.
 * - Readable documents of another form (`code` is `null`): 1.18.33 gets all of them, because it checks records against a
 *   schema. Another host gets those of its turn.
 * - Unreadable documents: the main records of the first hosts get those of their turn. The host parses all columns in
 *   the same way, and a second host behaves like the first. So other columns and second hosts get only `OF_A_SECOND`.
 *   Another column on a second host gets only an empty record.
 */
export function damagesOf(version: HostVersion, name: string): readonly Damage[] {
  const isFile = isJsonHost(version) || name === "session_diff";
  const isMain = ["message", "part", "session", "session.permission"].includes(name);
  const isSecondColumn = !isMain && name !== "project.sandboxes" && name.includes(".");
  const isSecondHost = SECOND_HOSTS.includes(version);
  return DAMAGES.filter((each, index) => {
    if ((isFile && each.rowsOnly) || (each.variant && !isMain)) return false;
    const turn = TURNS[version] ?? index % 2;
    const isInTurn = index % 2 === turn;
    if (IS_WHOLE || (isInTurn && !isSecondColumn && !isSecondHost)) return true;
    if (each.code === null) return isInTurn || version === "1.18.33";
    const isFew = isSecondColumn && isSecondHost;
    return isFew ? each === ZERO_BYTES : OF_A_SECOND.includes(each.name);
  });
}

/** Names of the records that are damaged in a store of this version. */
export function damageableNames(version: HostVersion): readonly string[] {
  const shared = ["message", "part", "session_diff"];
  if (isJsonHost(version)) return [...shared, "session", "project", "todo"];
  const minor = Number(version.split(".")[1]);
  const columns: Columns[] = ["summary_diffs", "revert", "permission"];
  if (minor >= 14) columns.push("model");
  if (minor >= 17) columns.push("metadata");
  return [...shared, ...columns.map((name) => `session.${name}`), "project.sandboxes", "project.commands"];
}

/** Fills the optional JSON columns that opencode left empty, so that a test can damage their values. */
export function fillColumns(store: RealStore): void {
  using database = openDatabase(store);
  const { id } = store.sessions.reverted;
  const columns = new Set(damageableNames(store.home.version));
  const diffs = [{ file: "a.txt", before: "", after: "x", patch: "+x", additions: 1, deletions: 0 }];
  const values: readonly [table: string, column: Columns | "sandboxes" | "commands", value: unknown][] = [
    ["session", "summary_diffs", diffs],
    ["session", "metadata", { note: "kept" }],
    ["session", "permission", [{ permission: "bash", pattern: "*", action: "ask" }]],
    ["session", "model", { id: "scripted", providerID: "loopback" }],
    ["project", "sandboxes", [store.home.root]],
    ["project", "commands", { start: "make" }],
  ];
  for (const [table, column, value] of values) {
    if (!columns.has(`${table}.${column}`)) continue;
    const where = table === "session" ? id : store.projectID;
    database.run(`update ${table} set ${column} = ? where id = ?`, [JSON.stringify(value), where]);
  }
  database.run("update session set summary_additions = 1, summary_deletions = 0, summary_files = 1 where id = ?", [id]);
}

export function damageable(store: RealStore, name: string): Damageable {
  const [kind = "", column] = name.split(".");
  switch (kind) {
    case "part":
      return part(store);
    case "message":
      return message(store);
    case "session":
      return column === undefined ? sessionFile(store) : sessionColumn(store, column as Columns);
    case "project":
      return column === undefined ? projectFile(store) : projectColumn(store, column);
    case "todo":
    case "session_diff":
      return derived(store, kind);
    default:
      throw new Error(`nothing damageable is called ${name}`);
  }
}

function part(store: RealStore): Damageable {
  const { id: sessionID, messages } = store.sessions.plain;
  const owner = messages[1];
  const found = owner?.parts.find((each) => each.type === "text");
  if (!owner || !found) throw new Error("the plain session has no answer with a text");
  const identity = { kind: "part" as const, sessionID, recordID: found.id };
  const path = `storage/part/${owner.id}/${found.id}.json`;
  return {
    place: isJson(store) ? filePlace(store, identity, path) : rowPlace(store, identity, "part", "data"),
    asked: sessionID,
    boot: "ignores",
    without: (healthy) => ({
      ...healthy,
      messages: changed(healthy.messages, (each) => ({
        ...each,
        parts: (each.parts as { id: string }[]).filter(({ id }) => id !== found.id),
      })),
    }),
  };
}

function message(store: RealStore): Damageable {
  const { id: sessionID, messages } = store.sessions.plain;
  const found = messages[1];
  if (!found) throw new Error("the plain session has no answer");
  const identity = { kind: "message" as const, sessionID, recordID: found.id };
  const path = `storage/message/${sessionID}/${found.id}.json`;
  return {
    place: isJson(store) ? filePlace(store, identity, path) : rowPlace(store, identity, "message", "data"),
    asked: sessionID,
    boot: "ignores",
    without: (healthy) => ({
      ...healthy,
      messages: changed(healthy.messages, (each) => ((each.info as { id: string }).id === found.id ? null : each)),
    }),
  };
}

function sessionFile(store: RealStore): Damageable {
  const { id: sessionID } = store.sessions.failed;
  const identity = { kind: "session" as const, sessionID, recordID: sessionID };
  return {
    place: filePlace(store, identity, `storage/session/${store.projectID}/${sessionID}.json`),
    asked: sessionID,
    boot: "ignores",
    without: (healthy) => ({
      ...healthy,
      list: changed(healthy.list, (each) => (each.id === sessionID ? null : each)),
      info: { status: 404, body: null },
    }),
  };
}

function sessionColumn(store: RealStore, column: Columns): Damageable {
  const { id: sessionID } = store.sessions.reverted;
  const identity = { kind: "session" as const, sessionID, recordID: sessionID };
  const strip = (record: Readonly<Record<string, unknown>>) => {
    if (record.id !== sessionID) return record;
    if (column !== "summary_diffs") {
      const { [column]: _, ...rest } = record;
      return rest;
    }
    const { diffs: _, ...summary } = record.summary as Record<string, unknown>;
    return { ...record, summary };
  };
  return {
    place: rowPlace(store, identity, "session", column),
    asked: sessionID,
    boot: "ignores",
    without: (healthy) => ({ ...healthy, list: changed(healthy.list, strip), info: changed(healthy.info, strip) }),
  };
}

function projectFile(store: RealStore): Damageable {
  const identity = { kind: "project" as const, sessionID: null, recordID: store.projectID };
  return {
    place: filePlace(store, identity, `storage/project/${store.projectID}.json`),
    asked: store.sessions.plain.id,
    boot: "rewrites",
    without: (healthy) => healthy,
  };
}

function projectColumn(store: RealStore, column: string): Damageable {
  const identity = { kind: "project" as const, sessionID: null, recordID: store.projectID };
  const strip = ({ [column]: _, ...rest }: Readonly<Record<string, unknown>>) =>
    column === "sandboxes" ? { ...rest, sandboxes: [] } : rest;
  return {
    place: rowPlace(store, identity, "project", column),
    asked: store.sessions.plain.id,
    boot: "reads",
    without: (healthy) => ({ ...healthy, projects: changed(healthy.projects, strip) }),
  };
}

/** A todo list or a diff. If it is missing, opencode answers with an empty list. */
function derived(store: RealStore, kind: "todo" | "session_diff"): Damageable {
  // From 1.17 on, opencode writes a diff file only after a revert.
  const session: StoredSession = kind === "todo" ? store.sessions.conversation : store.sessions.reverted;
  const identity = { kind, sessionID: session.id, recordID: session.id };
  return {
    place: filePlace(store, identity, `storage/${kind}/${session.id}.json`),
    asked: session.id,
    boot: "ignores",
    without: (healthy) => ({ ...healthy, [kind === "todo" ? "todo" : "diff"]: { status: 200, body: [] } }),
  };
}

function isJson(store: RealStore): boolean {
  return isJsonHost(store.home.version);
}
