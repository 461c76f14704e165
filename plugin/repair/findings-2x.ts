import { setImmediate } from "node:timers/promises";
import {
  documentInside,
  messageProblem,
  type ProblemOf2x,
  rowProblems,
  sessionProblems,
} from "../faults/diagnose-2x.ts";
import { GIANT_RECORD } from "../faults/size.ts";
import { isFolderHere } from "../hosts/folder-paths.ts";
import { compareVersions } from "../hosts/running-host.ts";
import type { Profile } from "../hosts/v2/profile.ts";
import type { ConfirmedFinding, Severity, Stop } from "../model/finding.ts";
import type { Origin } from "../model/origin.ts";
import type { Replacement } from "../model/replacement.ts";
import type { RowOf2x } from "../model/row-2x.ts";
import type { StoreDescription } from "../model/store-description.ts";
import { sha256 } from "../platform/hash.ts";
import type { Half2x } from "../stores/opened-store.ts";
import type { Connection } from "../stores/sqlite/driver.ts";
import { leavesAlone } from "../stores/sqlite/known-shape.ts";
import { profileFor, unreadTables } from "../stores/sqlite/profile-2x.ts";
import { captureRow, rowHash } from "../stores/sqlite/row.ts";
import { readRowsOf2x, type Selected } from "../stores/sqlite/v2-rows.ts";
import { type Counts, noCounts, type SessionEntry } from "../stores/store.ts";
import { onlyReported } from "./by-origin.ts";
import type { SessionFolder } from "./folders-2x.ts";
import { cellsOf, numberOf, type Place2x, placeOf2xRow, stopWords, textOrNull } from "./place-2x.ts";
import { Twins } from "./twins-2x.ts";

/** The problems in the rows that opencode 2.x reads, and how many rows were read. */
export interface Inspected2x {
  readonly profile: Profile;
  readonly findings: readonly ConfirmedFinding[];
  readonly counts: Readonly<Counts>;
  readonly sessions: readonly SessionEntry[];
  /** Tables of opencode 2.x that were not checked, because their columns are unknown. */
  readonly unread: readonly string[];
  /** The folders of the sessions, if this opencode version cannot open a session whose folder is gone. */
  readonly folders: readonly SessionFolder[];
}

export interface Input2x {
  readonly half: Half2x;
  /** The description of the same database for opencode 1.x. */
  readonly description: StoreDescription;
  readonly origin: Origin;
  readonly store: number;
  /** The sessions to check. An empty list means all sessions. */
  readonly sessionIDs: readonly string[];
  readonly signal?: AbortSignal;
  /** Numbers of records that are updated while rows are read, for the progress bar. */
  readonly progress?: Counts;
}

/**
 * Checks sessions and messages by the rules of opencode 2.x. Returns `null` if the database has none, or if the columns
 * of their tables are unknown. Reads only.
 */
export async function inspect2x(input: Input2x): Promise<Inspected2x | null> {
  const profile = profileFor(input.origin, input.half.schema);
  if (profile === null) return null;
  return input.half.read((connection) => new Inspection(connection, profile, input).run());
}

const OF_SESSION: readonly Stop[] = ["session list", "session"];

const NOT_MENDED = { remedy: "report", seen: null, replacement: null } as const;

class Inspection {
  readonly #connection: Connection;
  readonly #profile: Profile;
  readonly #input: Input2x;
  readonly #findings: ConfirmedFinding[] = [];
  readonly #counts = noCounts();
  readonly #sessions: SessionEntry[] = [];
  readonly #folders: SessionFolder[] = [];
  /** For each session with a problem: the `seq` of the first message that opencode still sends to the model. */
  readonly #contextFrom = new Map<string, number>();
  readonly #twins: Twins;

  constructor(connection: Connection, profile: Profile, input: Input2x) {
    this.#connection = connection;
    this.#profile = profile;
    this.#input = input;
    this.#twins = new Twins(connection, profile, input);
  }

  async run(): Promise<Inspected2x> {
    await this.#readSessions();
    const known = new Set(this.#sessions.map(({ id }) => id));
    await this.#readMessages(known);
    const unread = unreadTables(this.#profile, this.#input.half.schema);
    await this.#readOthers(known, unread);
    return {
      profile: this.#profile,
      findings: this.#findings,
      counts: this.#counts,
      sessions: this.#sessions,
      unread,
      folders: this.#folders,
    };
  }

  async #readSessions(): Promise<void> {
    const { sessionTable, jsonColumns } = this.#profile;
    for await (const row of this.#rows(sessionTable, jsonColumns, "id")) {
      const id = String(row.values.id);
      this.#sessions.push({ id, projectID: textOrNull(row.values.project_id) });
      this.#counts.sessions += 1;
      const { directory, time_updated: updated } = row.values;
      // Whether a folder of another operating system exists cannot be checked here.
      if (this.#profile.needsFolders && typeof directory === "string" && isFolderHere(directory))
        this.#folders.push({ sessionID: id, directory, updatedMs: numberOf(updated) });
      for (const problem of sessionProblems(this.#profile, row)) {
        const place = {
          table: sessionTable,
          kind: "session",
          sessionID: id,
          key: { id },
          row,
          stops: OF_SESSION,
        } as const;
        await this.#say(problem, place);
      }
    }
  }

  async #readMessages(known: ReadonlySet<string>): Promise<void> {
    for await (const row of this.#rows("session_message", ["data"], "session_id")) {
      this.#counts.messages += 1;
      const problem = messageProblem(this.#profile, row);
      if (problem === null) continue;
      const sessionID = String(row.values.session_id);
      const stops = known.has(sessionID) ? this.#stopsOf(sessionID, row, problem) : [];
      const key = { id: String(row.values.id) };
      await this.#say(problem, { table: "session_message", kind: "message", sessionID, key, row, stops });
    }
  }

  /** Checks the other tables whose JSON opencode 2.x parses. */
  async #readOthers(known: ReadonlySet<string>, unread: readonly string[]): Promise<void> {
    const { sessionIDs, half } = this.#input;
    for (const other of this.#profile.otherTables) {
      const { table, sessionColumn = null } = other;
      if (!half.schema.tables.has(table) || unread.includes(table)) continue;
      if (sessionIDs.length > 0 && sessionColumn === null) continue;
      for await (const row of this.#rows(table, other.jsonColumns, sessionColumn)) {
        for (const problem of rowProblems(other, row)) this.#add(problem, placeOf2xRow(other, row, known), NOT_MENDED);
      }
    }
  }

  /** Reads the rows in small groups. After each group, the process can do other work, such as handling Ctrl-C. */
  async *#rows(table: string, json: readonly string[], sessionColumn: string | null): AsyncIterable<RowOf2x> {
    const columns = this.#input.half.schema.tables.get(table) ?? [];
    const { sessionIDs, signal, progress } = this.#input;
    const isAll = sessionIDs.length === 0 || sessionColumn === null;
    const selected: Selected = isAll ? null : { column: sessionColumn, values: sessionIDs };
    for (const rows of readRowsOf2x(this.#connection, table, columns, json, selected)) {
      for (const row of rows) {
        for (const { size } of row.json.values()) this.#counts.bytes += size;
        yield row;
      }
      if (progress !== undefined) Object.assign(progress, this.#counts);
      await setImmediate();
      if (signal?.aborted) return;
    }
  }

  #stopsOf(sessionID: string, { values }: RowOf2x, { isUnreadable }: ProblemOf2x): readonly Stop[] {
    // opencode asks SQLite for the status of every compaction in one query. If one compaction is not JSON, that query
    // fails for the whole session.
    const isAsked = this.#profile.knowsCompactionStatus && values.type === "compaction" && isUnreadable;
    const isSent = isAsked || Number(values.seq) >= this.#firstSent(sessionID);
    return isSent ? ["messages", "prompts"] : ["messages"];
  }

  /** The `seq` of the last compaction. opencode does not send the messages before that compaction to the model. */
  #firstSent(sessionID: string): number {
    const known = this.#contextFrom.get(sessionID);
    if (known !== undefined) return known;
    const rows = this.#connection.all(
      `select cast(seq as real) as seq, data from session_message where session_id = ? and type = 'compaction'
       order by seq desc`,
      sessionID,
    );
    const last = rows.find(({ data }) => !this.#profile.knowsCompactionStatus || isCompleted(data));
    const from = last === undefined ? Number.NEGATIVE_INFINITY : Number(last.seq);
    this.#contextFrom.set(sessionID, from);
    return from;
  }

  async #say(problem: ProblemOf2x, place: Place2x): Promise<void> {
    const mayLeave = problem.isUnreadable && typeof place.row.values.id === "string";
    if (!mayLeave) return this.#add(problem, place, NOT_MENDED);
    const whole = this.#wholeInside(problem, place);
    const twin = whole === null ? await this.#twins.of(place) : null;
    const remedy = whole !== null ? "normalise" : twin !== null ? "recover" : "quarantine";
    const seen = this.#seen(place, problem.column ?? undefined, place.row.json);
    this.#add(problem, place, { remedy, seen, replacement: whole ?? twin });
  }

  #add(problem: ProblemOf2x, place: Place2x, mending: Pick<ConfirmedFinding, "remedy" | "seen" | "replacement">): void {
    const { table, kind, sessionID, key, row, stops } = place;
    const { column, fault, evidence } = problem;
    const severity = this.#severityOf(problem, place);
    const { host } = this.#profile;
    const { time_updated: updated } = row.values;
    const isWhole = table === "session_message" || column === null;
    const finding: ConfirmedFinding = {
      code: fault.code,
      severity,
      sessionID,
      kind,
      recordID: key.id ?? null,
      locator: { table, key, ...(isWhole ? {} : { column }) },
      evidence: `${evidence}${stopWords(place, host)}`,
      store: this.#input.store,
      ...(severity !== "info" && stops.length > 0 && { hosts: [host] }),
      stops,
      writtenMs: numberOf(updated),
      ...mending,
    };
    const isOnlySaid = mending.remedy === "report" ? problem.isUnreadable : !this.#isAlone();
    this.#findings.push(isOnlySaid ? onlyReported(finding) : finding);
  }

  #leavesAlone: boolean | undefined;

  /**
   * Whether a row can be removed without side effects. If a trigger or a cascading table exists, more rows could change
   * than an undo can restore.
   */
  #isAlone(): boolean {
    this.#leavesAlone ??= leavesAlone(this.#connection, this.#input.half.schema);
    return this.#leavesAlone;
  }

  /**
   * Some damaged values contain a valid JSON document, with other bytes around it. Returns the row with that document,
   * if opencode 2.x accepts it.
   */
  #wholeInside({ column }: ProblemOf2x, { table, row }: Place2x): Replacement | null {
    const stored = column === null ? undefined : row.json.get(column);
    const inside = stored === undefined ? null : documentInside(stored);
    if (column === null || inside === null) return null;
    const json = new Map(row.json).set(column, { storage: "text", size: inside.length, bytes: inside });
    const isDecoded =
      table === "session_message"
        ? messageProblem(this.#profile, { ...row, json }) === null
        : sessionProblems(this.#profile, { ...row, json }).every((each) => each.column !== column);
    if (!isDecoded) return null;
    return { source: "the complete document inside the value", content: { cells: cellsOf(column, inside) } };
  }

  #severityOf({ fault, isUnreadable }: ProblemOf2x, { kind, stops }: Place2x): Severity {
    if (stops.length === 0) return "warning";
    if (isUnreadable) return "blocking";
    // This check knows the rules of one version. If an unknown version wrote this row, that version may accept the row.
    if (fault === GIANT_RECORD || this.#input.origin.hasUnknownMigrations === true) return "info";
    // No real opencode was run with wrong values in the other tables, so it is not certain that opencode fails.
    if (kind !== "session" && kind !== "message") return "warning";
    return this.#isNewer() ? "warning" : "blocking";
  }

  #version: string | null | undefined;

  /** Whether an opencode newer than the known versions made the newest session. Its rows may have other forms. */
  #isNewer(): boolean {
    const { newestKnown } = this.#profile;
    const version = newestKnown === null ? null : this.#newestVersion();
    return newestKnown !== null && version !== null && compareVersions(version, newestKnown) > 0;
  }

  /** The opencode version that created the newest session. */
  #newestVersion(): string | null {
    if (this.#version !== undefined) return this.#version;
    const [row] = this.#connection.all(
      `select version from session_v2 where typeof(time_created) = 'integer' and version glob '[0-9]*.[0-9]*.[0-9]*'
       order by time_created desc limit 1`,
    );
    this.#version = textOrNull(row?.version);
    return this.#version;
  }

  #seen({ table, key }: Place2x, column: string | undefined, json: RowOf2x["json"]): ConfirmedFinding["seen"] {
    const stored = column === undefined ? undefined : json.get(column);
    if (stored?.bytes !== undefined && stored.bytes !== null) {
      return { bytes: stored.bytes.length, sha256: sha256(stored.bytes) };
    }
    const columns = this.#input.half.schema.tables.get(table) ?? [];
    const captured = captureRow(this.#connection, table, columns, key);
    return captured === null ? null : { bytes: 0, sha256: rowHash(captured) };
  }
}

function isCompleted(data: unknown): boolean {
  try {
    return typeof data === "string" && (JSON.parse(data) as { status?: unknown } | null)?.status === "completed";
  } catch {
    return false;
  }
}
