import { join } from "node:path";
import { PRIVATE_FILE } from "../platform/durable.ts";
import { type BroughtIn, readRows } from "./brought-in.ts";
import { importDocument } from "./import-file.ts";
import { openKnownStores } from "./known-stores.ts";
import { chosenSessions, isElsewhere, type Refusal, type RescueInput } from "./request.ts";

export interface Exported extends BroughtIn {
  /** The name of the file in the folder. */
  readonly file: string;
  /** The folder in which to run `opencode import`. `opencode import` adds the session to the project of that folder. */
  readonly directory: string | null;
}

export type Exporting =
  | {
      readonly ok: true;
      readonly sessions: readonly Exported[];
      /** `false`: a signal stopped the export before all files were written. */
      readonly isComplete: boolean;
    }
  | Refusal;

/**
 * Writes sessions that only other stores have as files for `opencode import`, into an existing folder. Nothing else is
 * changed. `opencode import` ignores todos.
 */
export async function exportHidden(input: RescueInput, folder: string): Promise<Exporting> {
  const { files, located, into, onProgress } = input;
  const knowing = await openKnownStores(files, located, into, input.fromData ?? null);
  if (!knowing.ok) return knowing;
  const { stores } = knowing;
  try {
    const elsewhere = (await chosenSessions(input, stores)).hidden.filter(isElsewhere);
    const sessions: Exported[] = [];
    for (const session of elsewhere) {
      if (input.signal?.aborted) break;
      const { rows, brought } = await readRows(stores, session);
      const file = `${session.sessionID.replace(/[^A-Za-z0-9_-]/g, "_")}.json`;
      const text = Buffer.from(`${JSON.stringify(importDocument(rows), null, 2)}\n`);
      await files.writeNew(join(folder, file), text, PRIVATE_FILE);
      sessions.push({ ...brought, file, directory: session.directory });
      onProgress?.(sessions.length, elsewhere.length);
    }
    return { ok: true, sessions, isComplete: sessions.length === elsewhere.length };
  } catch (error) {
    if (input.signal?.aborted && error === input.signal.reason) return { ok: true, sessions: [], isComplete: false };
    throw error;
  } finally {
    stores.close();
  }
}
