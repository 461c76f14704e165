import type { HostProfile } from "../hosts/profile.ts";
import { checksRecords, diffReading, hostLine, pathSystem, readings } from "../hosts/store-line.ts";
import { type Artifact, type Evidence, isFileLocator, type RowValues } from "../model/artifact.ts";
import type { PathSystem, StoreDescription } from "../model/store-description.ts";
import { foundAs, type Mismatch, OTHER_THAN_NAME } from "./mismatch.ts";
import { type Check, checkFor } from "./quick-check.ts";
import { fitsPlace } from "./shape.ts";
import { messageDocumentOf } from "./strict/message.ts";
import { partDocument } from "./strict/part.ts";
import { hasSummary, PROJECT_SHAPES, sessionColumns, strictSessionRow, todoRow } from "./strict/session.ts";
import { fileDiff, messageID, partID, sessionID } from "./strict/values.ts";
import {
  anyList,
  messageFile,
  projectFile,
  sandboxesOn,
  sessionModel,
  projectRow as syntaxProjectRow,
  looseSessionRow as syntaxSessionRow,
  timedSession,
} from "./syntax.ts";
import type { Description } from "./vocabulary.ts";

/**
 * The facts outside the document that decide whether opencode accepts a record. These are the columns of its row and,
 * for a part, the number of parts in its message.
 */
export type Surroundings = Pick<Evidence, "row" | "siblings">;

/** What opencode requires of one value of a record. */
export interface Demand {
  readonly shape: Description;
  /** The requirement as a function that only answers yes or no, which is fast. */
  readonly check: Check;
  /** Selects the value to check, from a record and the parsed content of the record. */
  of(artifact: Artifact, value: unknown): unknown;
  /** The path of the value in opencode's answer; `null` if the value is the whole answer. */
  readonly at: string | null;
  /**
   * Whether a request that loads sessions fails if the requirement is not met. If not, only an additional request of a
   * client fails.
   */
  readonly blocks: boolean;
}

/** All requirements that opencode has for a record that can be parsed. */
export interface Requirements {
  readonly demands: readonly Demand[];
  /** Mismatches that were found by other rules than `demands`. */
  readonly departures: readonly Mismatch[];
}

const NO_DEMANDS: Requirements = { demands: [], departures: [] };

/**
 * Whether a record is a whole row and not one JSON column. Only the columns of the row without JSON belong to such a
 * record.
 */
export function isWholeRow({ locator }: Artifact, row: RowValues | null): boolean {
  return row !== null && !isFileLocator(locator) && locator.column === undefined;
}

/**
 * The quick check of a parsed value: a document, or the columns of a row (then `value` is `row`). `true` means that
 * every opencode that may load the store accepts the value. `false` means that `judge` must look more closely.
 */
export function fits(artifact: Artifact, value: unknown, around: Surroundings, store: StoreDescription): boolean {
  for (const reading of readings(store)) if (!fitsLine(artifact, value, around, reading)) return false;
  return true;
}

function fitsLine(artifact: Artifact, value: unknown, around: Surroundings, store: StoreDescription): boolean {
  if (isFileLocator(artifact.locator)) {
    if (isHarmless(artifact, value, around)) return true;
    if (!fitsPlace(artifact, value, store)) return false;
  }
  const { demands, departures } = contractFor(artifact, value, around, store);
  if (departures.length > 0) return false;
  for (const demand of demands) if (!demand.check(demand.of(artifact, value))) return false;
  return true;
}

/**
 * One check for the documents of many rows of messages or parts, whatever their other columns hold. `null` if no common
 * check exists. The check leaves out the ids of records and sessions, because `fits` checks those.
 */
export function documentCheck(artifact: Artifact, store: StoreDescription): Check | null {
  const contracts = readings(store).map((reading) =>
    contractFor(artifact, null, { row: null, siblings: null }, reading),
  );
  const { kind, locator } = artifact;
  if ((kind !== "message" && kind !== "part") || isFileLocator(locator)) return null;
  if (contracts.some(({ departures }) => departures.length > 0)) return null;
  const checks = contracts.flatMap(({ demands }) =>
    demands.filter(({ of }) => of === itself).map(({ check }) => check),
  );
  const [only] = checks;
  return checks.length === 1 && only !== undefined ? only : (document) => checks.every((check) => check(document));
}

/**
 * Whether opencode loads a session in spite of an odd value in a file. A part with the value `null` fails only when
 * opencode compares it with another part. If a project file has no content, opencode writes the file again (measured on
 * 1.0.152 and 1.1.65).
 */
export function isHarmless(artifact: Artifact, value: unknown, { siblings }: Surroundings): boolean {
  if (!isFileLocator(artifact.locator)) return false;
  if (artifact.kind === "part") return value === null && siblings === 1;
  return artifact.kind === "project" && !value;
}

/**
 * The requirements of opencode for a record. They were read in the code of 1.0.152, 1.1.65, 1.2.27, 1.14.41, 1.17.18
 * and 1.18.33, and measured against every version on npm by `npm run oracle`.
 */
export function contractFor(
  artifact: Artifact,
  value: unknown,
  around: Surroundings,
  store: StoreDescription,
): Requirements {
  const line = hostLine(store);
  if (isFileLocator(artifact.locator)) return fileContract(artifact, value, store, line);
  const { column } = artifact.locator;
  const system = pathSystem(store);
  if (checksRecords(line)) return strictContract(artifact, column, around.row, line, system);
  return syntaxContract(artifact, column, around.row, line, system);
}

const known = new Map<Description, Requirements>();

function demand(shape: Description, at: string | null = null, of: Demand["of"] = itself, blocks = true): Demand {
  let check: Check | null = null;
  return {
    shape,
    // The check is built when it is first used. So a start of opencode that needs no such check does not load the
    // module that builds checks.
    check: (value) => {
      check ??= checkFor(shape);
      return check(value);
    },
    of,
    at,
    blocks,
  };
}

function itself(_artifact: Artifact, value: unknown): unknown {
  return value;
}

/** A contract with one requirement. */
function only(shape: Description, at: string | null = null): Requirements {
  const contract = known.get(shape) ?? { demands: [demand(shape, at)], departures: [] };
  known.set(shape, contract);
  return contract;
}

const RECORD_ID: Demand["of"] = (artifact) => artifact.recordID;

/**
 * The requirements for a part. The message id of a part is not here, because it is checked together with the message.
 */
const PART: Requirements = {
  demands: [
    demand(partID, "id", RECORD_ID),
    demand(sessionID, "sessionID", (artifact) => artifact.sessionID),
    demand(partDocument),
  ],
  departures: [],
};

/** Requirements that differ between ranges of versions that check records by a schema. */
interface CheckedShapes {
  readonly message: Requirements;
  readonly sessionRow: Description;
  readonly sessionColumns: Readonly<Record<string, Description>>;
}

const shapesByLine = new Map<string, CheckedShapes>();

function shapesOf(line: HostProfile, system: PathSystem): CheckedShapes {
  const key = `${line.name} ${system}`;
  const shapes = shapesByLine.get(key) ?? {
    message: { demands: [demand(messageID, "id", RECORD_ID), demand(messageDocumentOf(line))], departures: [] },
    sessionRow: strictSessionRow(line, system),
    sessionColumns: sessionColumns(line),
  };
  shapesByLine.set(key, shapes);
  return shapes;
}

const SESSION_1_0: Requirements = { demands: [demand(timedSession)], departures: [] };

/**
 * 1.1 reads the time of a session only if a client asks for sessions after a certain time, as its own terminal UI does.
 */
const SESSION_1_1: Requirements = { demands: [demand(timedSession, null, itself, false)], departures: [] };

/**
 * The folders that 1.3.2 and 1.14 take from `project.sandboxes`. These versions use `Array.from`, which turns a number, a boolean or an
 * object into an empty list (measured on 1.3.2 and 1.14.41).
 */
function soughtSandboxes(_artifact: Artifact, value: unknown): unknown {
  if (value === null || Array.isArray(value)) return value;
  return typeof value === "object" && "length" in value && Number(value.length) >= 1 ? value : [];
}

/**
 * 1.14 turns `project.sandboxes` into a list before it checks the value. If opencode starts in another worktree of the
 * project, it adds that worktree to the stored value. Only then opencode fails if the stored value is not a list.
 */
const sandboxes1_14On = (system: PathSystem): Requirements => ({
  demands: [
    demand(sandboxesOn(system), "sandboxes", soughtSandboxes),
    demand(anyList, "sandboxes", (_artifact, value) => value ?? [], false),
  ],
  departures: [],
});

/** The requirements for both systems. They are built once, because descriptions are compared by identity. */
const SANDBOXES_1_14: Readonly<Record<PathSystem, Requirements>> = {
  posix: sandboxes1_14On("posix"),
  windows: sandboxes1_14On("windows"),
};

const diffList: Description = (is) => is.listOf(fileDiff(is));

function fileContract(artifact: Artifact, value: unknown, store: StoreDescription, line: HostProfile): Requirements {
  switch (artifact.kind) {
    case "message":
      return line.readsOwnMessageIDs ? only(messageFile) : NO_DEMANDS;
    case "session":
      return { ...(line.readsSessionTimes ? SESSION_1_0 : SESSION_1_1), departures: ownID(artifact, value) };
    case "project":
      return projectFileContract(artifact, value, line);
    case "session_diff":
      return diffReading(store).holds === "diffs" ? only(diffList) : NO_DEMANDS;
    default:
      return NO_DEMANDS;
  }
}

function projectFileContract(artifact: Artifact, value: unknown, { projectFile: read }: HostProfile): Requirements {
  if (read === "unread") return NO_DEMANDS;
  return { ...(read === "id" ? NO_DEMANDS : only(projectFile)), departures: ownID(artifact, value) };
}

/**
 * opencode lists sessions and projects by the id inside the file, but looks them up by the name of the file. So the two
 * must be equal.
 */
function ownID(artifact: Artifact, value: unknown): Mismatch[] {
  const id = typeof value === "object" && value !== null && "id" in value ? value.id : undefined;
  if (id === artifact.recordID) return [];
  return [{ path: ["id"], words: OTHER_THAN_NAME, found: foundAs(id), expected: null, blocks: true }];
}

function syntaxContract(
  artifact: Artifact,
  column: string | undefined,
  row: RowValues | null,
  line: HostProfile,
  system: PathSystem,
): Requirements {
  switch (`${artifact.kind}.${column ?? ""}`) {
    case "session.":
      return { ...only(syntaxSessionRow), departures: line.looksUpWorkspaces ? workspaceDeparture(row) : [] };
    case "session.model":
      return only(sessionModel, "model");
    case "project.":
      return only(syntaxProjectRow);
    case "project.sandboxes":
      return sandboxesContract(line, system);
    default:
      return NO_DEMANDS;
  }
}

function sandboxesContract(line: HostProfile, system: PathSystem): Requirements {
  switch (line.sandboxes) {
    case "list":
      return only(anyList, "sandboxes");
    case "texts":
      return SANDBOXES_1_14[system];
    case "absolute":
      return only(PROJECT_SHAPES[system].sandboxes, "sandboxes");
  }
}

function strictContract(
  artifact: Artifact,
  column: string | undefined,
  row: RowValues | null,
  line: HostProfile,
  system: PathSystem,
): Requirements {
  switch (artifact.kind) {
    case "part":
      return PART;
    case "message":
      return shapesOf(line, system).message;
    case "session":
      if (column === undefined)
        return { ...only(shapesOf(line, system).sessionRow), departures: workspaceDeparture(row) };
      return sessionColumnContract(column, row, line, system);
    case "project":
      if (column === undefined) return only(line.wantsAbsolutePaths ? PROJECT_SHAPES[system].row : syntaxProjectRow);
      return column === "sandboxes" ? sandboxesContract(line, system) : NO_DEMANDS;
    case "todo":
      return only(todoRow);
    default:
      return NO_DEMANDS;
  }
}

function sessionColumnContract(
  column: string,
  row: RowValues | null,
  line: HostProfile,
  system: PathSystem,
): Requirements {
  const shape = shapesOf(line, system).sessionColumns[column];
  if (shape === undefined || (column === "summary_diffs" && !hasSummary(row))) return NO_DEMANDS;
  return only(shape, column);
}

/**
 * Reports a session that names a missing workspace. opencode answers "Workspace not found: …" to every request for that
 * session. An empty name counts as absent.
 */
function workspaceDeparture(row: RowValues | null): Mismatch[] {
  const named = row?.workspace_id ?? "";
  if (named === "" || named === row?.workspace) return [];
  const words = "names a workspace that is not there";
  return [{ path: ["workspace_id"], words, found: "something", expected: null, blocks: true }];
}
