import type { ManifestItem } from "../model/manifest-item.ts";
import type { FileSystem } from "../platform/file-system.ts";
import { eachStoredRun } from "../quarantine/vault.ts";
import { ACTION, type Action, columnOf } from "../repair/reported-item.ts";
import { formerPlace } from "./quarantined.ts";
import { readableText } from "./transcript.ts";

/** One record that a run changed. */
export interface ChangedRecord {
  readonly id: string;
  readonly kind: ManifestItem["kind"];
  readonly recordID: string | null;
  /**
   * Only for a session or project in a database: the column that was changed, if the rest of the record stayed as it
   * was.
   */
  readonly column?: string;
  readonly code: string;
  readonly evidence: string;
  /** The act of the run on this record. */
  readonly action: Action;
  /** The present state of the record. `done` means that the act can still be undone. */
  readonly state: ManifestItem["state"];
  /** Size of the original in bytes; `null` if there was none. */
  readonly bytes: number | null;
  /** The source of the replacement; `null` if there is none. */
  readonly source: string | null;
  /** The readable text of the original, for messages and parts; `null` if there is none. */
  readonly text: string | null;
}

/** The changes that a run made to one session. */
export interface RunOnSession {
  readonly sessionID: string | null;
  readonly createdAt: string;
  readonly trigger: string;
  readonly records: readonly ChangedRecord[];
}

export type RunContents =
  | { readonly ok: true; readonly sessions: readonly RunOnSession[] }
  | { readonly ok: false; readonly problem: string };

/** Texts are read for at most this many records, because a screen cannot show more. */
const MOST_TEXTS = 200;

/** The contents of a run in readable form. Reads only. There are no sessions if the run does not exist. */
export async function runContents(files: FileSystem, dataDir: string, runID: string): Promise<RunContents> {
  const sessions = new Map<string | null, { createdAt: string; trigger: string; records: ChangedRecord[] }>();
  let left = MOST_TEXTS;
  for await (const run of eachStoredRun(files, dataDir, (named) => named.runID === runID)) {
    if (!run.ok) return { ok: false, problem: run.problem };
    const { sessionID, createdAt, trigger, items } = run.manifest;
    const own = sessions.get(sessionID) ?? { createdAt, trigger, records: [] };
    sessions.set(sessionID, own);
    for (const item of items) {
      const place = left > 0 ? await formerPlace(files, run.folder, item).catch(() => null) : null;
      left -= 1;
      own.records.push({
        id: item.id,
        kind: item.kind,
        recordID: item.recordID,
        ...columnOf(item.locator),
        code: item.code,
        evidence: item.evidence,
        action: ACTION[item.remedy],
        state: item.state,
        bytes: item.original?.bytes ?? null,
        source: item.replacement?.source ?? null,
        text: place === null ? null : readableText(place.document),
      });
    }
  }
  return { ok: true, sessions: [...sessions].map(([sessionID, own]) => ({ sessionID, ...own })) };
}
