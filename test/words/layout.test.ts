import { expect, test } from "bun:test";
import { laidOut } from "../../plugin/words/answers/findings.ts";
import { columns } from "../../plugin/words/text-layout.ts";

test("a command stays on one line, also where the screen is narrower than the command", () => {
  const command = "`opencode plugin opencode-session-repair@0.1.0 --global`";
  for (const width of [40, 60, 80, 120]) {
    const lines = laidOut(
      `Run ${command} (1.14 and newer).`,
      { terminal: { width, isScreen: true, completed: (text) => text } },
      "    ",
    );
    expect(lines.join("\n")).toContain(command);
    expect(lines.filter((line) => line.length > width && !line.includes(command))).toEqual([]);
  }
});

test("text that is measured by its length has as many letters as a reader sees", () => {
  const segmenter = new Intl.Segmenter();
  const wide = /\p{Emoji_Presentation}/u;
  for (let code = 0x20; code < 0x2100; code += 1) {
    const text = `a${String.fromCharCode(code)}b`;
    const seen = [...segmenter.segment(text)].reduce((sum, { segment }) => sum + (wide.test(segment) ? 2 : 1), 0);
    if (!/\p{Cc}/u.test(text) && !(code >= 0x1100 && code <= 0x115f))
      expect([code, columns(text)]).toEqual([code, seen]);
  }
});
