import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { nodeFileSystem } from "../../plugin/files/file-system.ts";
import { sha256 } from "../../plugin/files/hash.ts";
import type { ConfirmedFinding } from "../../plugin/repair/finding.ts";
import { type CellValue, isFileLocator } from "../../plugin/stores/artifact.ts";
import type { Replacement } from "../../plugin/stores/writer.ts";
import { findingsIn, purgeEverything, repairFindings, restoreEverything } from "../repair/tool.ts";
import { sampleContent } from "../stores/content.ts";
import { createJsonStore } from "../stores/json-fixture.ts";
import { createSqliteStore } from "../stores/sqlite-fixture.ts";
import type { StoreUnderTest } from "../stores/store-under-test.ts";
import {
  bury,
  experiment,
  judgeCheck,
  judgePurge,
  judgeRepair,
  type Subject,
  subjectOf,
  type Work,
} from "./experiment.ts";
import { withFaultyDatabases } from "./faulty-driver.ts";
import { type Fault, FaultPlan, faultyFileSystem } from "./faulty-file-system.ts";

const DAMAGED = Buffer.from('{"type":');

function damagedJsonStore(): StoreUnderTest {
  const store = createJsonStore(sampleContent());
  store.overwrite(store.locatorOf("part", "prt_a1_1"), DAMAGED);
  store.overwrite(store.locatorOf("part", "prt_a1_2"), Buffer.alloc(0));
  store.overwrite(store.locatorOf("message", "msg_b1"), DAMAGED);
  store.overwrite({ path: "storage/message/ses_c/note.txt" }, Buffer.from("a note"));
  return store;
}

async function damagedSqliteStore(): Promise<StoreUnderTest> {
  const store = await createSqliteStore("1.18.33", sampleContent());
  store.overwrite(store.locatorOf("message", "msg_a1"), DAMAGED);
  store.overwrite(store.locatorOf("part", "prt_a2_1"), Buffer.alloc(0));
  store.overwrite(store.locatorOf("session", "ses_b"), DAMAGED);
  store.overwrite({ table: "project", key: { id: "prj_one" }, column: "sandboxes" }, DAMAGED);
  return store;
}

const CHECK: Work = {
  name: "check",
  run: (files, { store }) => findingsIn(store.dataDir, files).catch(ignoreMadeUp),
  judge: judgeCheck,
};

const REPAIR: Work = {
  name: "repair",
  run: (files, { store, findings }) => repairFindings(files, store.dataDir, findings),
  judge: judgeRepair,
};

/** Settles what an earlier crash interrupted between two sessions, and is interrupted itself. */
const REPAIR_AGAIN: Work = {
  ...REPAIR,
  name: "repair after a crash",
  async begin(subject) {
    const plan = new FaultPlan(40, { what: "die" });
    await withFaultyDatabases(plan, () => REPAIR.run(faultyFileSystem(nodeFileSystem, plan), subject)).catch(
      () => undefined,
    );
    expect(plan.isDead).toBe(true);
    bury(subject.store.dataDir);
  },
};

const begin = ({ store, findings }: Subject) => repairFindings(nodeFileSystem, store.dataDir, findings);

const RESTORE: Work = {
  name: "restore",
  begin,
  run: (files, { store }) => restoreEverything(files, store.dataDir),
  judge: judgeRepair,
};

const PURGE: Work = {
  name: "purge",
  begin,
  run: (files, { store }) => purgeEverything(files, store.dataDir),
  judge: judgePurge,
};

/** A check passes on what the operating system says; its front ends turn it into a sentence. */
function ignoreMadeUp(error: unknown): void {
  if (!(error instanceof Error && error.message.includes("made up by a test"))) throw error;
}

const FAULTS: readonly Fault[] = [
  { what: "die" },
  { what: "fail", code: "ENOSPC", lasting: true },
  { what: "fail", code: "EIO", lasting: false },
  { what: "fail", code: "EACCES", lasting: true },
];

/** A copy takes the place of a damaged part, a readable message is completed, and a lost part comes back. */
function prescribed(store: StoreUnderTest) {
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

describe.each([
  ["JSON files", damagedJsonStore, false],
  ["SQLite", damagedSqliteStore, false],
  ["JSON files, with copies", damagedJsonStore, true],
  ["SQLite, with copies", damagedSqliteStore, true],
] as const)("%s", (_, create, withCopies) => {
  let subject: Subject;

  beforeAll(async () => {
    const store = await create();
    subject = await subjectOf(store, withCopies ? prescribed(store) : undefined);
  });

  afterAll(() => subject.store.remove());

  for (const work of [CHECK, REPAIR, REPAIR_AGAIN, RESTORE, PURGE]) {
    test.each(FAULTS)(
      `${work.name}, %o at any operation: nothing is lost, and it can be ended or undone`,
      async (fault) => {
        const operations = await experiment(subject, work, fault);
        if (work !== CHECK) expect(operations).toBeGreaterThan(10);
      },
      300_000,
    );
  }
});
