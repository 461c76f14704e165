import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Damage } from "./damage.ts";
import type { Damageable } from "./damageable.ts";
import type { RealStore } from "./stored-fixture.ts";

interface Stray {
  /** The path of the file in its folder. `ID` stands for the id of a record in that folder. */
  readonly name: string;
  target(store: RealStore): Damageable;
}

/** A stray file is itself the damage, so its bytes are not changed. */
export const AS_IT_IS: Damage = { name: "there", code: "stray-file", storage: "text", bytes: (original) => original };

const IN_PART_FOLDER = [
  ...[
    "ID.json.bak",
    "ID.json~",
    "ID.tmp",
    "ID.orig",
    "ID.JSON",
    "ID",
    "x.tmp",
    "note.txt",
    "a",
    "odd name (1).json.swp",
  ],
  ...[".hidden.json", ".DS_Store", "sub/x.tmp", "sub/ID.orig", ".sub/x.tmp"],
];

const IN_MESSAGE_FOLDER = [
  ...["ID.json.bak", "ID.json~", "ID.tmp", "ID.orig", "x.tmp", "note.txt", "msg_other.txt", "a", ".hidden.json"],
  ...["sub/ID.json", "sub/note.txt", "ID/x.json", "msg_sub/y.json", "other.json"],
];

const IN_SESSION_FOLDER = [
  ...["ID.json.bak", "ID.tmp", "ID.orig", "x.tmp", "note.txt", "a", ".hidden.json", ".DS_Store", "sub/note.txt"],
];

/**
 * Files in folders where a JSON host expects only records. opencode ignores some of them, reads some as a record, and
 * fails on some.
 */
export const STRAYS: readonly Stray[] = [
  ...IN_PART_FOLDER.map((name) => stray("part", name)),
  ...IN_MESSAGE_FOLDER.map((name) => stray("message", name)),
  ...IN_SESSION_FOLDER.map((name) => stray("session", name)),
];

function stray(kind: "part" | "message" | "session", name: string): Stray {
  return {
    name: `${kind}/…/${name}`,
    target(store) {
      const { id: sessionID, messages } = store.sessions.plain;
      const message = messages[1];
      const part = message?.parts[0];
      if (!message || !part) throw new Error("the plain session has no answer");
      const [folder, id] = {
        part: [`storage/part/${message.id}`, part.id],
        message: [`storage/message/${sessionID}`, message.id],
        session: [`storage/session/${store.projectID}`, sessionID],
      }[kind];
      const path = `${folder}/${name.replace("ID", id ?? "")}`;
      const full = join(store.dataDir, path);
      const above = dirname(full) === join(store.dataDir, folder ?? "") ? null : dirname(full);
      return {
        place: {
          name: `stray ${kind} file`,
          kind: "stray",
          sessionID: kind === "session" ? null : sessionID,
          recordID: name
            .replace(/^.*\//, "")
            .replace("ID", id ?? "")
            .replace(/\.json$/, ""),
          locator: { path },
          isRow: false,
          async damage() {
            if (above !== null) await mkdir(above);
            await writeFile(full, '{"id":"a copy"}');
          },
          heal: () => rm(above ?? full, { recursive: true, force: true }),
        },
        asked: sessionID,
        boot: "ignores",
        without: (healthy) => healthy,
      };
    },
  };
}
