import { describe, expect, test } from "bun:test";
import { helpText } from "../../plugin/command-line/help.ts";
import { progressText } from "../../plugin/command-line/progress-line.ts";
import { choiceLines, chosenNumbers, missingRecordLines } from "../../plugin/command-line/rescue-choice.ts";
import { rescueWriter } from "../../plugin/command-line/rescue-command.ts";
import { showsUnicode, withoutWideLines } from "../../plugin/command-line/terminal.ts";
import type { Finding } from "../../plugin/model/finding.ts";
import type { RescueChoice } from "../../plugin/rescue/choices.ts";
import { runTitle } from "../../plugin/words/answers/dialog.ts";
import { findingLines, laidOut } from "../../plugin/words/answers/findings.ts";
import { messageMarkdown } from "../../plugin/words/answers/markdown.ts";
import { type ListedRun, runRows } from "../../plugin/words/answers/runs.ts";
import { type ListedSession, sessionListLines } from "../../plugin/words/answers/sessions.ts";
import { withGivenStore } from "../../plugin/words/commands.ts";
import { columns } from "../../plugin/words/text-layout.ts";
import { screenOf, tooWide, WIDTHS } from "./screen-widths.ts";

/** Makes `count` findings with the same cause, in the given number of sessions. */
function findings(count: number, sessions: number): Finding[] {
  return Array.from({ length: count }, (_, index) => ({
    code: index % 3 === 0 ? "truncated" : "empty",
    severity: "blocking" as const,
    sessionID: `ses_${index % sessions}`,
    kind: "part" as const,
    recordID: `prt_${index}`,
    locator: { path: `storage/part/msg/prt_${index}.json` },
    remedy: "quarantine" as const,
    evidence: "0 bytes",
    store: 0,
  }));
}

const PAGE = 40;

describe("problems", () => {
  test.each(WIDTHS)("2,000 of them are a page at %d columns, and all are counted", (width) => {
    for (const sessions of [1, 7, 2000]) {
      for (const isScreen of [true, false]) {
        const view = { terminal: screenOf(width, { isScreen }), names: new Map(), isDetailed: false };
        const lines = findingLines(findings(2000, sessions), view);
        expect(lines.length).toBeLessThan(PAGE);
        if (isScreen) expect(tooWide(lines.join("\n"), width)).toEqual([]);
        const counts = [...lines.join(" ").matchAll(/([\d,]+)(?: more)? (?:part|problem)/g)].map(([, count = ""]) =>
          Number(count.replaceAll(",", "")),
        );
        const single = lines.filter((line) => line.trimStart().startsWith("part prt_")).length;
        expect(counts.reduce((sum, count) => sum + count, single)).toBe(2000);
      }
    }
  });

  test("titles and days of sessions are for a screen, ids for everything else", () => {
    const names = new Map([["ses_0", { title: "Fix the login page", updatedMs: Date.parse("2026-11-24T12:00:00Z") }]]);
    const lines = (named: typeof names) =>
      findingLines(findings(2, 1), { terminal: screenOf(80), names: named, isDetailed: false }).join("\n");
    expect(lines(names)).toMatch(/Fix the login page {3}2026-11-2\d .* · ses_0/);
    expect(lines(new Map())).not.toContain("Fix");
  });

  test("of a session that was asked for each record is named", () => {
    const view = { terminal: screenOf(80), names: new Map(), isDetailed: true };
    const text = findingLines(findings(50, 1), view).join("\n");
    for (let index = 0; index < 50; index += 1) expect(text).toContain(`prt_${index}`);
  });
});

const TITLE = "修复登录页面 🌍 Fix the page on which everybody logs in, and every test of it";

describe("lists", () => {
  const run = (index: number, items: number): ListedRun => ({
    runID: `2026112${index}T021500123Z-0000-9f86d08${index}`,
    sessionID: "ses_a",
    createdAt: `2026-11-2${index}T02:15:00.123Z`,
    state: index === 3 ? "restored" : "done",
    items,
    bytes: 3_200_000,
    folder: "/quarantine/ses_a",
  });
  const names = new Map([["ses_a", { title: TITLE, updatedMs: 0 }]]);

  test.each(WIDTHS)("a run is one line of %d columns: date, session, cause, size", (width) => {
    for (const options of [{}, { isStyled: true }, { ellipsis: "..." }]) {
      const rows = runRows(
        [run(3, 1), run(2, 12_345)],
        new Map([[run(2, 1).runID, "is empty"]]),
        names,
        screenOf(width, options),
      );
      expect(rows.length).toBe(2);
      expect(tooWide(rows.join("\n"), width)).toEqual([]);
      for (const row of rows) expect(row).toMatch(/2026-11-2\d \d\d:\d\d {2}2026112\dT\d{4} {2}/);
      if (width === 120) expect(rows[1]).toContain("is empty · 12,345 records, 3.2 MB");
      if (width > 40) expect(rows[0]).toContain("undone");
    }
  });

  test("a run that changed several sessions is one line", () => {
    const rows = runRows([run(2, 1), { ...run(2, 2), sessionID: "ses_b" }], new Map(), names, screenOf(120));
    expect(rows.length).toBe(1);
    expect(rows[0]).toContain("2 sessions · 3 records, 6.4 MB");
  });

  test.each(WIDTHS)("a session is known by its date, state, id and title at %d columns", (width) => {
    const session = (sessionID: string, errors: number): ListedSession => ({
      ...{ sessionID, title: TITLE, directory: "/work", parentID: null, createdMs: 0, updatedMs: 0, isArchived: false },
      ...{ state: errors > 0 ? "damaged" : "healthy", errors, warnings: 0, cause: errors > 1 ? "moved" : null },
    });
    const sessions = [session("ses_4f2a1b2c3d4e5f", 0), session("ses_4f2a1b2c3d4e6f", 2)];
    for (const options of [{}, { isStyled: true }, { ellipsis: "..." }]) {
      const text = sessionListLines(sessions, screenOf(width, options)).join("\n");
      expect(tooWide(text, width)).toEqual([]);
      expect(text).toContain("ses_4f2a1b2c3d4e6");
      expect(text).toContain("2 err");
    }
    // If the output is piped, the whole line is printed.
    const piped = sessionListLines(sessions, screenOf(width, { isScreen: false })).join("\n");
    expect(piped).toContain(`${TITLE}  2 errors, not shown: its folder is gone`);
    const [archived] = sessionListLines(
      [{ ...session("ses_4f2a1b2c3d4e5f", 0), isArchived: true }],
      screenOf(width, { isScreen: false }),
    );
    expect(archived).toEndWith("  archived");
  });

  test.each(WIDTHS)("what can be rescued is two lines of %d columns, with a number", (width) => {
    const choice: RescueChoice = {
      ...{ sessionID: "ses_a", title: TITLE, updatedMs: 0, directory: "/home/user/old/project", messages: 12 },
      ...{ why: "its folder is gone → /home/user/new/project", action: { kind: "certain" }, isSuggested: true },
    };
    const lines = choiceLines(
      Array.from({ length: 100 }, () => choice),
      screenOf(width),
    );
    expect(lines.length).toBeLessThan(PAGE + 2);
    expect(tooWide(lines.slice(0, -1).join("\n"), width)).toEqual([]);
    expect(lines[1]).toContain("12 messages · its folder");
    const archived = { ...choice, isSuggested: false };
    expect(chosenNumbers("1, 3-5", [choice, choice, choice, choice, choice])).toEqual([1, 3, 4, 5]);
    expect(chosenNumbers("y", [choice, archived, choice])).toEqual([1, 3]);
    expect(chosenNumbers("all", [choice, archived])).toEqual([1, 2]);
    for (const no of ["", "n", "no"]) expect(chosenNumbers(no, [choice])).toEqual([]);
    for (const wrong of ["2", "0", "1-9", "first", "-1"]) expect(chosenNumbers(wrong, [choice])).toBeNull();
  });

  test("titles of runs in the dialog fit what opencode shows of a title", () => {
    const time = Date.parse("2026-11-24T09:05:00Z");
    for (const [records, sessions] of [
      [1, 1],
      [12_345, 123],
    ] as const) {
      for (const now of [time, Date.parse("2027-02-01T00:00:00Z")]) {
        const title = runTitle("Undo ", time, records, sessions, now);
        expect(title.length).toBeLessThanOrEqual(61);
        // In a terminal of 80 columns, 70 columns are free for the title and its description, such as ` 888b9e2b · 10.8
        // kB`.
        if (records === 1) expect(title.length).toBeLessThanOrEqual(50);
        expect(title).toMatch(/^Undo (2026-)?11-24 .*record/);
      }
    }
  });
});

test("progress is a share, a count and a time, and never says that it is done", () => {
  expect(progressText("Checking", 0, null, "records", 0)).toBe("Checking …");
  expect(progressText("Checking", 500, 2000, "records", 1000)).toBe("Checking: 25 %, 500 of 2,000 records");
  expect(progressText("Checking", 500, 2000, "records", 10_000)).toBe(
    "Checking: 25 %, 500 of 2,000 records, 30 s left",
  );
  expect(progressText("Undoing", 9000, 2000, "records", 100)).toContain("99 %");
});

test.each([
  [{}, "posix", true],
  [{ LANG: "de_DE.UTF-8" }, "posix", true],
  [{ LANG: "de_DE.UTF-8", LC_ALL: "C" }, "posix", false],
  [{ LANG: "de_DE.ISO-8859-1" }, "posix", false],
  [{ LC_CTYPE: "UTF-8" }, "posix", true],
  [{ TERM: "linux", LANG: "C.UTF-8" }, "posix", false],
  [{ TERM: "dumb" }, "posix", false],
  [{}, "windows", false],
  [{ WT_SESSION: "1" }, "windows", true],
] as const)("whether a console of %o on %s shows Unicode: %p", (env, system, expected) => {
  expect(showsUnicode(env, system)).toBe(expected);
});

test("an export has tool outputs whole, and no text of a session ends its block", () => {
  const part = { state: { input: { command: "ls" }, output: "one\n```\ntwo" } };
  const text = messageMarkdown({
    ...{ messageID: "msg_a", role: "assistant", timeMs: 0, agent: "build", model: "m", info: {}, parts: [part] },
    entries: [
      {
        ...{ type: "tool", tool: "bash", status: "completed", summary: "ls", error: null, durationMs: 1200, part },
        output: { lines: 3, bytes: 11 },
      },
    ],
  }).join("\n");
  expect(text).toContain("### bash (completed, 1.2 s)");
  expect(text).toContain('{\n  "command": "ls"\n}');
  expect(text).toContain("````\none\n```\ntwo\n````");
});

test("a sentence is broken into lines after its commands got `npx` and the data directory", () => {
  const before = process.env.npm_command;
  process.env.npm_command = "exec";
  try {
    const given = { dataDir: "/srv/opencode-data" };
    const sentence =
      "Stop every opencode, then run `opencode-session-repair salvage`: a new database is built from the damaged one.";
    for (let width = 40; width <= 120; width += 1) {
      const terminal = { ...screenOf(width), completed: (text: string) => withGivenStore(text, given) };
      const printed = withGivenStore(laidOut(sentence, { terminal }, "  ").join("\n"), given);
      expect(printed).toContain("`npx opencode-session-repair salvage --data-dir /srv/opencode-data`");
      const wide = printed.split("\n").filter((line) => columns(line) > width);
      // Only a line that consists of a command may be wider.
      expect(wide.filter((line) => !/^ *`[^`]*`:?$/.test(line))).toEqual([]);
      const help = helpText(null, terminal).split("\n");
      expect(help.filter((line) => columns(line) > width && !line.includes("`"))).toEqual([]);
    }
  } finally {
    if (before === undefined) delete process.env.npm_command;
    else process.env.npm_command = before;
  }
});

test("lines that are too wide are broken between words, but not where users copy a command or a path", () => {
  const sentence =
    "Nothing was changed. Only you know where these sessions belong: run `opencode-session-repair rescue --db /o.db`.";
  for (let width = 50; width <= 120; width += 1) {
    const lines = withoutWideLines(`  ${sentence}`, width).split("\n");
    expect(lines.map((line) => line.trim()).join(" ")).toBe(sentence);
    expect(lines.filter((line) => columns(line) > width || !line.startsWith("  "))).toEqual([]);
  }
  for (const line of [
    "Next: npx opencode-session-repair restore 20261130T193232799Z-0000-a8e553cb --data-dir /srv/opencode",
    "To correct this: chmod u+rwX /srv/a-folder-of-somebody/with-a-long-name /srv/another-folder-of-somebody",
    `The manifests of these changes are in /srv/${"long/".repeat(20)}.`,
  ]) {
    expect(withoutWideLines(line, 60)).toBe(line);
  }
});

test("the command that rebuilds records names the store of this call, and counts the sessions", () => {
  const write = rescueWriter({ dataDir: "/data" }, { into: null, fromData: null });
  const [one, command] = missingRecordLines(["ses_a"], write);
  expect(one).toBe("The record of 1 session is missing. To rebuild it:");
  expect(command).toMatch(/^ {2}(npx )?opencode-session-repair repair ses_a .*--data-dir \/data$/);
  expect(missingRecordLines(["ses_a", "ses_b", "ses_a"], write)[0]).toBe(
    "The records of 2 sessions are missing. To rebuild them:",
  );
});
