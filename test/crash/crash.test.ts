import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { findingsIn, purgeEverything, repairFindings, restoreEverything } from "../repair/tool.ts";
import { damagedJsonStore, damagedSqliteStore, prescribed } from "./damaged-stores.ts";
import {
  bury,
  experiment,
  IS_WHOLE,
  judgeCheck,
  judgePurge,
  judgeRepair,
  type Subject,
  subjectOf,
  type Work,
} from "./experiment.ts";
import { withFaultyDatabases } from "./faulty-driver.ts";
import { FAULTS, FaultPlan, faultyFileSystem } from "./faulty-file-system.ts";
import { withoutOpenFiles } from "./no-open-files.ts";

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

/**
 * A repair after an earlier repair crashed between two sessions. The second repair must finish the first one, and is
 * itself interrupted.
 */
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

/**
 * Ignores errors that the test made up. A check throws errors of the operating system, and its callers turn them into
 * sentences.
 */
function ignoreMadeUp(error: unknown): void {
  if (!(error instanceof Error && error.message.includes("made up by a test"))) throw error;
}

const SUBJECTS = [
  ["JSON files, with copies", damagedJsonStore, true],
  ["SQLite, with copies", damagedSqliteStore, true],
  ["JSON files", damagedJsonStore, false],
  ["SQLite", damagedSqliteStore, false],
] as const;

/**
 * With copies, the repair recovers, completes, adds and quarantines records. Without copies, it quarantines parts by
 * the same code as messages. So the stores without copies are only tried by `npm run test:crash`.
 */
const TRIED = SUBJECTS.filter(([, , withCopies]) => withCopies || IS_WHOLE);

let askAgain: () => void;

beforeAll(async () => {
  askAgain = await withoutOpenFiles();
});

afterAll(() => askAgain());

describe.each(TRIED)("%s", (_, create, withCopies) => {
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
    );
  }
});
