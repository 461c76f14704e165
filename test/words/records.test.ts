import { expect, test } from "bun:test";
import { contentLines } from "../../plugin/words/answers/runs.ts";
import { actionWord, afterUndo, doneWords, toDoWords, undoSentences } from "../../plugin/words/records.ts";
import { CLOSED_WHERE_CUT, FROM_OWN_PARTS, fromEvent } from "../../plugin/words/sources.ts";

const locator = { table: "message", key: { id: "msg_a" } } as const;

test("only an exact copy is recovered: what was made of other records or of the rest is rebuilt or closed", () => {
  const items = [
    { remedy: "recover", replacement: { source: fromEvent(9) }, locator },
    { remedy: "quarantine", rebuilt: { source: FROM_OWN_PARTS }, locator },
    { remedy: "quarantine", rebuilt: { source: CLOSED_WHERE_CUT }, locator },
    { remedy: "quarantine", replacement: null, locator },
  ];
  expect(toDoWords(items)).toBe("recover 1 record, close 1 record, rebuild 1 record, quarantine 1 record");
  const done = [
    { action: "recovered", source: fromEvent(9) },
    { action: "recovered", source: FROM_OWN_PARTS },
    { action: "recovered", source: CLOSED_WHERE_CUT },
    { action: "quarantined" },
  ];
  expect(doneWords(done, "record")).toBe("4 records repaired (1 recovered, 1 closed, 1 rebuilt, 1 quarantined)");
  expect(done.map(actionWord)).toEqual(["recovered", "rebuilt", "closed", "quarantined"]);
  // An undo restores a record, whatever the repair did to it.
  expect(actionWord({ action: "restored", source: FROM_OWN_PARTS })).toBe("restored");
});

test("an undo says what becomes of what the run added, and does not call a rescued session damaged", () => {
  const moved = { action: "rescued", bytes: 9 };
  const added = { action: "rescued", bytes: null };
  const quarantined = { action: "quarantined", bytes: 0 };
  expect(undoSentences([quarantined])).toBe("1 record will return where it was, byte for byte.");
  expect(undoSentences([added, added])).toBe("2 records that the run added will be removed.");
  expect(undoSentences([moved, added])).toBe(
    "1 record will return where it was, byte for byte. 1 record that the run added will be removed.",
  );
  expect(afterUndo([moved, added])).toBe("opencode will no longer list them where it lists them now.");
  expect(afterUndo([{ action: "recovered", bytes: null }])).toBe(
    "opencode will no longer list it where it lists it now.",
  );
  expect(afterUndo([quarantined])).toBe("opencode will fail on it again.");
});

test("a line of a run can be read: the source of what replaced a record, and no cause of another kind", () => {
  const line = (action: "rescued" | "recovered" | "quarantined", source: string, code: string) => {
    const record = {
      id: "0001",
      kind: "session",
      recordID: "ses_a",
      code,
      evidence: "",
      action,
      state: "done",
    } as const;
    const sessions = [
      { sessionID: null, createdAt: "", trigger: "cli", records: [{ ...record, bytes: 9, source, text: null }] },
    ];
    const asIs = (...words: string[]) => words.at(-1) ?? "";
    const screen = { width: 80, isScreen: false, ellipsis: "…", style: asIs, completed: asIs };
    return contentLines(sessions, new Map(), screen).at(-1)?.trim();
  };
  expect(line("rescued", "where the project is now", "project-missing")).toBe(
    "0001  session ses_a: rescued (source: where the project is now), 9 bytes",
  );
  expect(line("recovered", FROM_OWN_PARTS, "empty")).toBe(`0001  session ses_a is empty: ${FROM_OWN_PARTS}, 9 bytes`);
  expect(line("quarantined", "an empty list", "empty")).toBe(
    "0001  session ses_a is empty: quarantined (replaced by an empty list), 9 bytes",
  );
});
