import { type CellValue, isFileLocator } from "../../plugin/model/artifact.ts";
import type { ConfirmedFinding } from "../../plugin/model/finding.ts";
import type { Replacement } from "../../plugin/model/replacement.ts";
import { sha256 } from "../../plugin/platform/hash.ts";
import { realStore } from "../host/stored-fixture.ts";
import { sampleContent } from "../stores/content.ts";
import { createJsonStore } from "../stores/json-fixture.ts";
import { createSqliteStore, sqliteStoreAt } from "../stores/sqlite-fixture.ts";
import type { StoreUnderTest } from "../stores/store-under-test.ts";

const DAMAGED = Buffer.from('{"type":');

/** JSON files that opencode 1.1.65 cannot load, and a file that does not belong there. */
export function damagedJsonStore(): StoreUnderTest {
  const store = createJsonStore(sampleContent());
  store.overwrite(store.locatorOf("part", "prt_a1_1"), DAMAGED);
  store.overwrite(store.locatorOf("part", "prt_a1_2"), Buffer.alloc(0));
  store.overwrite(store.locatorOf("message", "msg_b1"), DAMAGED);
  store.overwrite({ path: "storage/message/ses_c/note.txt" }, Buffer.from("a note"));
  return store;
}

/** Rows and values that opencode 1.18.33 cannot load. */
export async function damagedSqliteStore(): Promise<StoreUnderTest> {
  const store = await createSqliteStore("1.18.33", sampleContent());
  store.overwrite(store.locatorOf("message", "msg_a1"), DAMAGED);
  store.overwrite(store.locatorOf("part", "prt_a2_1"), Buffer.alloc(0));
  store.overwrite(store.locatorOf("session", "ses_b"), DAMAGED);
  store.overwrite({ table: "project", key: { id: "prj_one" }, column: "sandboxes" }, DAMAGED);
  return store;
}

/**
 * A store that opencode 1.18.33 wrote. A repair recovers the records that are in its event log, and completes one
 * message. It quarantines a part that is not in the log.
 */
export async function damagedRealStore(): Promise<StoreUnderTest> {
  const { dataDir, home, sessions } = await realStore("1.18.33");
  const store = await sqliteStoreAt(dataDir, sampleContent(), () => void home.remove());
  const [, answered] = sessions.conversation.messages;
  const [first, second] = answered?.parts ?? [];
  const plain = sessions.plain.messages[1];
  store.overwrite({ table: "part", key: { id: first?.id ?? "" } }, DAMAGED);
  store.overwrite({ table: "part", key: { id: second?.id ?? "" } }, Buffer.alloc(0));
  store.overwrite({ table: "message", key: { id: plain?.id ?? "" } }, DAMAGED);
  store.removeRecord({ table: "part", key: { id: sessions.child.messages[1]?.parts[0]?.id ?? "" } });
  const connection = store.connect();
  try {
    // opencode then has no copy of the records of this session.
    connection.run("delete from event where aggregate_id = ?", sessions.forked.id);
    connection.run("delete from event_sequence where aggregate_id = ?", sessions.forked.id);
    const [, unlogged] = sessions.forked.messages;
    connection.run("update part set data = '' where id = ?", unlogged?.parts[0]?.id ?? "");
    connection.run("update message set data = json_remove(data, '$.agent') where id = ?", unlogged?.id ?? "");
  } finally {
    connection.close();
  }
  return store;
}

/**
 * Changes the findings so that a repair replaces damaged parts by copies, completes a readable message and adds a lost
 * part.
 */
export function prescribed(store: StoreUnderTest) {
  return (findings: readonly ConfirmedFinding[]): readonly ConfirmedFinding[] => {
    const locator = (record: "part" | "message", id: string) => store.locatorOf(record, id);
    const isFile = isFileLocator(locator("part", "prt_a1_1"));
    const copy = Buffer.from(JSON.stringify({ type: "text", text: "as it was" }));
    const textCell = (text: string): CellValue => ({ storage: "text", bytes: Buffer.from(text) });
    const content = (cells: Record<string, CellValue>): Replacement["content"] =>
      isFile
        ? { bytes: copy }
        : { cells: new Map(Object.entries({ ...cells, data: { storage: "text", bytes: copy } })) };
    const place = { sessionID: "ses_a", store: 0, writtenMs: null } as const;
    const common = { ...place, severity: "blocking", evidence: "", code: "empty" } as const;
    const added = isFile ? { path: "storage/part/msg_a1/prt_new.json" } : { table: "part", key: { id: "prt_new" } };
    const time: CellValue = { storage: "integer", number: "1795402315181" };
    const row = { id: textCell("prt_new"), message_id: textCell("msg_b1"), session_id: textCell("ses_b") };
    const message = store.bytesAt(locator("message", "msg_a2")) ?? Buffer.alloc(0);
    return [
      ...findings.map(
        (finding): ConfirmedFinding =>
          finding.kind === "part"
            ? { ...finding, remedy: "recover", replacement: { source: "a test", content: content({}) } }
            : finding,
      ),
      {
        ...common,
        ...{ kind: "message", recordID: "msg_a2", remedy: "normalise", locator: locator("message", "msg_a2") },
        seen: { bytes: message.length, sha256: sha256(message) },
        replacement: { source: "a rule", content: { fields: [{ path: ["completed"], to: true }] } },
      },
      {
        ...common,
        ...{ kind: "part", recordID: "prt_new", remedy: "recover", locator: added, seen: null },
        replacement: { source: "a test", content: content({ ...row, time_created: time, time_updated: time }) },
      },
    ];
  };
}
