/**
 * Tests the advice for a migration journal of opencode 1.2.1 to 1.2.20. The advice may only say "Upgrade" if a newer
 * opencode can open the database.
 */
import { expect, test } from "bun:test";
import { OLD_JOURNAL } from "../../plugin/faults/skew.ts";
import { oldJournalFindings } from "../../plugin/repair/old-journal.ts";
import { speaker } from "../../plugin/repair/store-finding.ts";
import type { OldJournal } from "../../plugin/stores/survey.ts";

const description = { generation: "sqlite", dataDir: "/data", database: "/data/opencode.db" } as const;
const say = speaker(description as unknown as Parameters<typeof speaker>[0], 0);

function advice(journal: OldJournal): string {
  const found = oldJournalFindings(journal, null, say).find(({ code }) => code === OLD_JOURNAL.code);
  return found?.advice ?? OLD_JOURNAL.advice;
}

test("upgrade is advised as the next step only where a newer opencode opens the database", () => {
  expect(advice({ moments: [], unrecorded: [] })).toStartWith("Upgrade to opencode 1.18.24 or newer");
  expect(advice({ moments: ["20990101000000"], unrecorded: [] })).toStartWith("Stay with the opencode that wrote");
  const unrecorded = advice({ moments: [], unrecorded: ["20260127222353_familiar_lady_ursula"] });
  expect(unrecorded).toStartWith("Every newer opencode fails until");
});

test("the advice of the catalogue says where every newer opencode fails", () => {
  expect(OLD_JOURNAL.advice).not.toStartWith("Upgrade");
  expect(OLD_JOURNAL.advice).toContain("every newer opencode fails");
});
