import { Database } from "bun:sqlite";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { isJsonHost } from "../host/binary.ts";
import type { StoredSession } from "../host/sessions.ts";
import type { RealStore } from "../host/stored-fixture.ts";

/**
 * Empties the first part of one message of a session, as a full disk would. This also works while opencode is running.
 */
export function emptyPart(store: RealStore, session: StoredSession, messageIndex = 1): string {
  const message = session.messages[messageIndex];
  const part = message?.parts[0];
  if (message === undefined || part === undefined) throw new Error(`session ${session.name} has no such part`);
  if (isJsonHost(store.home.version)) {
    writeFileSync(join(store.dataDir, "storage", "part", message.id, `${part.id}.json`), "");
    return part.id;
  }
  const database = new Database(join(store.dataDir, "opencode.db"));
  database.run("pragma busy_timeout = 5000");
  database.run("update part set data = '' where id = ?", [part.id]);
  database.close();
  return part.id;
}

/** Adds `count` damaged parts to the sessions. */
export function addDamagedParts(store: RealStore, sessions: readonly StoredSession[], count: number): void {
  const database = new Database(join(store.dataDir, "opencode.db"));
  database.run("pragma busy_timeout = 5000");
  const insert = database.prepare("insert into part values (?, ?, ?, 1, 1, ?)");
  database.transaction(() => {
    for (let index = 0; index < count; index += 1) {
      const session = sessions[index % sessions.length];
      const message = session?.messages[1];
      if (session === undefined || message === undefined) continue;
      insert.run(
        `prt_zz${String(index).padStart(6, "0")}`,
        message.id,
        session.id,
        index % 3 === 0 ? "" : '{"type":"te',
      );
    }
  })();
  // If a statement is still open, Bun keeps the file open until it collects garbage.
  insert.finalize();
  database.close();
}
