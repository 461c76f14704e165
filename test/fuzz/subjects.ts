import type { Artifact, Evidence, RecordKind, RowValues } from "../../plugin/model/artifact.ts";
import type { StoreDescription } from "../../plugin/model/store-description.ts";
import { parseDocument } from "../../plugin/stores/conversation.ts";
import type { Choices } from "./choices.ts";

const rows = { generation: "sqlite", dataDir: "/data" } as const;
const files = { generation: "json", dataDir: "/data", contract: "syntax" } as const;

/** A description of a store for each group of opencode versions with its own rules. */
export const STORES: readonly StoreDescription[] = [
  { ...rows, contract: "strict", hostVersion: "1.18.33", sessionDiffReader: null },
  { ...rows, contract: "syntax", hostVersion: "1.14.41", sessionDiffReader: "1.14" },
  { ...rows, contract: "syntax", hostVersion: "1.2.27", sessionDiffReader: "1.1" },
  { ...files, hostVersion: "1.1.65", sessionDiffReader: "1.1" },
  { ...files, hostVersion: "1.0.152", sessionDiffReader: "1.0" },
];

function row(kind: RecordKind, recordID: string, column?: string): Artifact {
  const locator = { table: kind, key: { id: recordID }, ...(column === undefined ? {} : { column }) };
  return { kind, sessionID: kind === "project" ? null : "ses_1", recordID, locator };
}

function file(kind: RecordKind, recordID: string): Artifact {
  const locator = { path: `storage/${kind}/${recordID}.json` };
  return { kind, sessionID: kind === "project" ? null : "ses_1", recordID, locator };
}

/** Every place of a database where a record may be. The last four have ids that some versions of opencode refuse. */
export const ROW_PLACES: readonly Artifact[] = [
  row("part", "prt_1"),
  row("message", "msg_1"),
  row("message", "msg_2"),
  ...["revert", "model", "permission", "metadata", "summary_diffs"].map((column) => row("session", "ses_1", column)),
  row("session", "ses_1"),
  row("project", "prj_1"),
  row("project", "prj_1", "sandboxes"),
  row("todo", "ses_1"),
  row("part", "part_1"),
  row("part", "openmemory-context-1"),
  row("message", "x_1"),
  { ...row("part", "prt_1"), sessionID: "x_1" },
];

const FILE_PLACES: readonly Artifact[] = [
  file("part", "prt_1"),
  file("message", "msg_1"),
  file("session", "ses_1"),
  file("project", "prj_1"),
  file("todo", "ses_1"),
  file("session_diff", "ses_1"),
];

/** A record at its place in a store. */
export interface Subject {
  readonly store: StoreDescription;
  readonly artifact: Artifact;
  readonly evidence: Evidence;
  /** The value that opencode reads. `undefined` if opencode cannot read the record. */
  readonly value: unknown;
}

const SUMMARY: RowValues = { summary_additions: 1, summary_deletions: null, summary_files: null };

/** The first three bytes choose the store, the place and some flags. The other bytes are the record. */
export function chosenSubject(choices: Choices): Subject {
  const store = choices.pick(STORES);
  const artifact = choices.pick(store.generation === "json" ? FILE_PLACES : ROW_PLACES);
  const flags = choices.byte();
  const bytes = choices.rest();
  const isFile = "path" in artifact.locator;
  const isRow = !isFile && artifact.locator.column === undefined && !["part", "message"].includes(artifact.kind);
  const values = isRow ? rowValues(bytes, artifact) : artifact.kind === "session" && !isFile ? SUMMARY : null;
  const storage = isRow ? "row" : isFile ? "file" : (flags & 8) === 0 ? "text" : "blob";
  const parsed = storage === "row" ? { ok: true as const, value: values } : parseDocument({ bytes, storage });
  const evidence: Evidence = {
    storage,
    size: bytes.length,
    bytes: isRow ? null : bytes,
    shape: null,
    sha256: null,
    stray: null,
    ioError: null,
    mtimeMs: null,
    row: values,
    position: (flags & 1) === 0 ? null : 3,
    siblings: null,
    updatedMs: (flags & 2) === 0 ? null : 1_790_000_000_000,
    reachable: (flags & 4) === 0,
    sessionID: artifact.sessionID,
  };
  return { store, artifact, evidence, value: parsed.ok ? parsed.value : undefined };
}

/** Reads the columns of a row from a JSON object. A list of numbers becomes a BLOB. */
function rowValues(bytes: Buffer, { recordID }: Artifact): RowValues {
  const parsed = parseDocument({ bytes, storage: "text" });
  const fields = parsed.ok && typeof parsed.value === "object" && parsed.value !== null ? parsed.value : {};
  const cells = Object.entries(fields).map(([name, value]: [string, unknown]) => {
    if (Array.isArray(value)) return [name, new Uint8Array(value.filter((each) => typeof each === "number"))] as const;
    return [name, typeof value === "string" || typeof value === "number" ? value : null] as const;
  });
  return Object.fromEntries([["id", recordID], ...cells]);
}
