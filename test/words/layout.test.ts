import { expect, test } from "bun:test";
import { laidOut } from "../../plugin/words/answers/findings.ts";

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
