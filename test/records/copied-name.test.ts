import { expect, test } from "bun:test";
import { copiedRecordID } from "../../plugin/records/copied-name.ts";

test.each([
  ["prt_aB3.sync-conflict-20260105-101112-ABCDEFG", "prt_aB3"],
  ["prt_aB3_conflict-20260105-101112", "prt_aB3"],
  ["msg_aB3 (conflicted copy 2026-01-05 101112)", "msg_aB3"],
  ["ses_aB3 (1)", "ses_aB3"],
  ["ses_aB3-DESKTOP", "ses_aB3"],
  ["prt_aB3", null],
  ["prt_aB3_note", null],
  ["note_aB3 2", null],
  ["Copy of ses_dd6e48eefffeF19ACyfn7DLZSl", "ses_dd6e48eefffeF19ACyfn7DLZSl"],
  ["~msg_2291b712f001sczx9LqXCUewtR", "msg_2291b712f001sczx9LqXCUewtR"],
  ["prt_2291b7219001mBG0aUkP23KamG_BACKUP_1234", "prt_2291b7219001mBG0aUkP23KamG"],
  ["prt_2291b7219001mBG0aUkP23KamG2", "prt_2291b7219001mBG0aUkP23KamG"],
  ["prt_2291b7219001mBG0aUkP23KamG", null],
  ["prt_note_of_mine", null],
])("a file named %s is a copy of %p", (name, original) => {
  expect(copiedRecordID(name)).toBe(original);
});
