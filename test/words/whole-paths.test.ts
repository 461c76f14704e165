import { expect, test } from "bun:test";
import { withoutWideLines } from "../../plugin/command-line/terminal.ts";
import { laidOut } from "../../plugin/words/answers/findings.ts";
import { inOnePiece, released, wrapped } from "../../plugin/words/text-layout.ts";

const PATH = "/srv/a folder of the user/with a long name/opencode data.db";
const LONG = `/srv/${"long-name/".repeat(14)}opencode.db`;

test.each([40, 80, 120])("a path stays on one line on a terminal of %d columns, also with spaces", (width) => {
  const terminal = { width, isScreen: true, completed: (text: string) => text };
  for (const path of [PATH, LONG]) {
    const sentence = `No session of this store has this id. Looked at: ${inOnePiece(path)}. Then look somewhere else.`;
    for (const text of [
      laidOut(sentence, { terminal }, "  ").join("\n"),
      released(withoutWideLines(sentence, width)),
      released(withoutWideLines(`  ses_a  2026-11-30 · A title of a session · ${inOnePiece(path)}`, width)),
      released(withoutWideLines(`  ${path}`, width)),
    ]) {
      expect(text).toContain(path);
    }
  }
  expect(wrapped(`▸ read (completed) ${LONG}`, width, "  ").join("\n")).toContain(LONG);
});

test.each([40, 80, 120])(
  "a command stays on one line on a terminal of %d columns, and its text is wrapped",
  (width) => {
    const terminal = { width, isScreen: true, completed: (text: string) => text };
    const command = "npx opencode-session-repair rescue --relink --from '/srv/an old folder' --to '/srv/a new folder'";
    const sentence = `This machine has no Bun and no Node that could read the database. Run: ${command}`;
    for (const text of [laidOut(sentence, { terminal }, "").join("\n"), withoutWideLines(sentence, width)]) {
      const lines = text.split("\n");
      expect(lines.some((line) => line.includes(command))).toBe(true);
      expect(lines.filter((line) => line.length > width && !line.endsWith(command))).toEqual([]);
    }
  },
);
