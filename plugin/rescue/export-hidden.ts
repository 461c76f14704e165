import { join } from "node:path";
import { PRIVATE_FILE } from "../platform/durable.ts";
import { type BroughtIn, readRows, unreadSession } from "./brought-in.ts";
import type { HiddenSession } from "./hidden.ts";
import { importDocument } from "./import-file.ts";
import { type KnownStores, openKnownStores, readPaths, type UnreadStore } from "./known-stores.ts";
import {
  chosenSessions,
  isElsewhere,
  namedSessions,
  type Refusal,
  type RescueInput,
  unknownSessions,
} from "./request.ts";

export interface Exported extends BroughtIn {
  /** The name of the written file, without its folder. */
  readonly file: string;
  /** The path of the written file. */
  readonly path: string;
  /**
   * The folder in which the user must run `opencode import`, because that command adds the session to the project of
   * the folder.
   */
  readonly directory: string | null;
}

export type Exporting =
  | {
      readonly ok: true;
      readonly sessions: readonly Exported[];
      /** Sessions that could not be read. No file was written for them. */
      readonly skipped: readonly { readonly sessionID: string; readonly reason: string }[];
      /** The ids of the sessions that the input named. */
      readonly sessionIDs: readonly string[];
      /** Requested ids that are in no store. If there are any, no file is written at all. */
      readonly unknown: readonly string[];
      /** The paths of the stores that were read. */
      readonly stores: readonly string[];
      /** Stores that could not be read completely, so they may have more sessions. */
      readonly unreadStores: readonly UnreadStore[];
      /** `false` if a signal stopped the export before all files were written. */
      readonly isComplete: boolean;
    }
  | Refusal;

/**
 * Writes each session that only another store has into a file for `opencode import`. `folder` must exist. Nothing else
 * is changed. `opencode import` ignores todo lists.
 */
export async function exportHidden(input: RescueInput, folder: string): Promise<Exporting> {
  const { files, located, into } = input;
  const knowing = await openKnownStores(files, located, into, input.fromData ?? null);
  if (!knowing.ok) return knowing;
  const { stores } = knowing;
  const named = namedSessions(input, stores);
  if (!named.ok) {
    stores.close();
    return { ok: false, reason: "unknown", message: named.message };
  }
  const sessionIDs = named.value;
  const read = { sessionIDs, stores: readPaths(stores) };
  const nothing = { ok: true, sessions: [], skipped: [], unknown: [], unreadStores: [], ...read } as const;
  try {
    const unknown = unknownSessions(sessionIDs, stores);
    if (unknown.length > 0) return { ...nothing, unknown, unreadStores: stores.unread, isComplete: true };
    const { hidden, unread } = await chosenSessions({ ...input, sessionIDs }, stores);
    const written = await writeSessions(input, stores, hidden.filter(isElsewhere), folder);
    return { ...nothing, ...written, unreadStores: [...stores.unread, ...unread] };
  } catch (error) {
    if (input.signal?.aborted && error === input.signal.reason) return { ...nothing, isComplete: false };
    throw error;
  } finally {
    stores.close();
  }
}

/**
 * Writes one file for each session. If one session cannot be read, the other sessions are written anyway.
 * @throws EEXIST with the path, before anything is written, if one of the files exists already
 */
export async function writeSessions(
  { files, signal, onProgress }: Pick<RescueInput, "files" | "signal" | "onProgress">,
  stores: KnownStores,
  elsewhere: readonly HiddenSession[],
  folder: string,
): Promise<Pick<Exporting & { ok: true }, "sessions" | "skipped" | "isComplete">> {
  const sessions: Exported[] = [];
  const skipped: { sessionID: string; reason: string }[] = [];
  for (const { sessionID } of elsewhere) {
    const path = join(folder, fileName(sessionID));
    if ((await files.stat(path)) !== null) throw Object.assign(new Error("The file exists."), { code: "EEXIST", path });
  }
  for (const session of elsewhere) {
    if (signal?.aborted) break;
    const { sessionID, directory } = session;
    const read = await readRows(stores, session).catch(unreadSession);
    if ("refused" in read) {
      skipped.push({ sessionID, reason: read.refused });
      continue;
    }
    if (read.rows.refused !== null) {
      skipped.push({ sessionID, reason: read.rows.refused });
      continue;
    }
    const file = fileName(sessionID);
    const text = Buffer.from(`${JSON.stringify(importDocument(read.rows), null, 2)}\n`);
    const path = join(folder, file);
    await files.writeNew(path, text, PRIVATE_FILE);
    sessions.push({ ...read.brought, file, path, directory });
    onProgress?.(sessions.length, elsewhere.length);
  }
  return { sessions, skipped, isComplete: sessions.length + skipped.length === elsewhere.length };
}

function fileName(sessionID: string): string {
  return `${sessionID.replace(/[^A-Za-z0-9_-]/g, "_")}.json`;
}
