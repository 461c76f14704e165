import { describe, expect, test } from "bun:test";
import { parseArguments } from "../../plugin/command-line/arguments.ts";
import { COMMAND_NAMES, commandSpec, OPTION_NAMES, SHELLS } from "../../plugin/command-line/commands.ts";
import { completionScript } from "../../plugin/command-line/completion.ts";
import { helpText } from "../../plugin/command-line/help.ts";
import { manPage } from "../../plugin/command-line/man-page.ts";
import { nearest } from "../../plugin/command-line/suggest.ts";
import { withGivenStore } from "../../plugin/words/commands.ts";
import { screenOf, tooWide, WIDTHS } from "./screen-widths.ts";

describe("the table of commands", () => {
  test.each(WIDTHS)("help fits %d columns, and says every command and option", (width) => {
    expect(tooWide(helpText(null, screenOf(width)), width)).toEqual([]);
    const all = COMMAND_NAMES.map((name) => helpText(name, screenOf(width)));
    for (const [index, name] of COMMAND_NAMES.entries()) {
      expect(tooWide(all[index] ?? "", width)).toEqual([]);
      expect(helpText(null, screenOf(width))).toContain(name);
      for (const option of commandSpec(name).options) expect(all[index]).toContain(`--${option}`);
      expect(all[index]).toContain("Examples:");
    }
    for (const option of OPTION_NAMES) expect(all.join("\n")).toContain(`--${option}`);
  });

  test("every example is a command line that is understood", () => {
    for (const name of COMMAND_NAMES) {
      for (const { args } of commandSpec(name).examples) {
        const words = args.split(" > ")[0]?.split(" ").filter(Boolean) ?? [];
        expect([args, parseArguments(words)]).toEqual([args, expect.objectContaining({ ok: true })]);
      }
    }
  });

  test("completion and man page say every command, alias and option", () => {
    const texts = [...SHELLS.map(completionScript), manPage().replaceAll("\\-", "-")];
    for (const text of texts) {
      for (const name of COMMAND_NAMES) {
        for (const word of [name, ...(commandSpec(name).aliases ?? [])]) expect(text).toContain(word);
      }
      for (const option of OPTION_NAMES) expect(text).toContain(option);
    }
  });

  test.each([
    ["-n is --dry-run, -y is --yes", "repair -n -y", { name: "repair", dryRun: true, yes: true }],
    ["check needs no name with sessions", "ses_a ses_b", { name: "check", sessionIDs: ["ses_a", "ses_b"] }],
    ["options in one", "repair -yn ses_a", { name: "repair", dryRun: true, yes: true, sessionIDs: ["ses_a"] }],
    ["sessions without --session", "repair ses_a ses_b", { name: "repair", sessionIDs: ["ses_a", "ses_b"] }],
    ["undo is restore", "undo last", { name: "restore", run: "last" }],
    ["list is runs", "list", { name: "runs", run: null }],
    ["words of a title", "sessions the login page", { name: "sessions", words: ["the", "login", "page"] }],
    ["the beginning of a run", "restore 20261123T0215", { name: "restore", run: "20261123T0215" }],
    ["the end of a run", "runs c0a239c9", { name: "runs", run: "c0a239c9" }],
    ["help of a command", "repair --help", { name: "help", of: "repair" }],
  ] as const)("%s: %s", (_, line, command) => {
    expect(parseArguments(line.split(" "))).toMatchObject({ ok: true, command });
  });

  test.each([
    ["chekc", 'There is no command "chekc". Did you mean check?'],
    ["repair --onyl x", 'Unknown option "--onyl". Did you mean --only?'],
    ["repair --only trunkated", "Did you mean truncated?"],
    ["help repiar", 'There is no command "repiar". Did you mean repair?'],
    ["Repair", 'There is no command "Repair". Did you mean repair?'],
    ["session", "Did you mean sessions?"],
    ["lst", "Did you mean list?"],
    ["last", "Did you mean `runs last` or `restore last`?"],
    ["20261123T0215", "Did you mean `runs 20261123T0215` or `restore 20261123T0215`?"],
    ["fix", "Commands: check, repair, sessions,"],
    ["undo", "undo needs the id of a run, or `last`. `runs` lists them."],
    ["undo lsat", '"lsat" is not the id of a run. Did you mean last?'],
    ["restore LAST", "Did you mean last?"],
    ["list foo", '"foo" is not the id of a run. `runs` lists them.'],
    ["undo last last", '"undo" does not take "last".'],
    ["repair --dry_run", "Did you mean --dry-run?"],
    ["--no-colour", "Did you mean --no-color?"],
    ["show --mark login", "Did you mean --markdown?"],
    ["-V", 'Unknown option "-V". Did you mean -v?'],
    ["repair -nx", 'Unknown option "-x".'],
    ["-n", '--dry-run does not go with "check". It goes with repair, restore, rescue, salvage or purge.'],
    ["unlock --swap", "It goes with salvage."],
    ["repair --only codex", 'There is no problem with the code "codex".'],
    ["purge --older-than 30", "an age such as 30d, 12h or 2w"],
    ["completion tcsh", "bash, zsh, fish"],
    ["repair login", '"login" is not the id of a session'],
    ["repair --only --yes", "--only needs a value: --only CODE."],
    ["check --json=yes", "--json takes no value."],
    ["show x --json --markdown", "--markdown cannot be combined with --json."],
  ])("%s: %s", (line, sentence) => {
    const parsed = parseArguments(line.split(" "));
    expect(parsed).toMatchObject({ ok: false, message: expect.stringContaining(sentence) });
  });

  test("nothing is suggested for what is far from everything", () => {
    expect(nearest("mend", COMMAND_NAMES)).toEqual([]);
    expect(nearest("ses_n6x", ["ses_n6", "prt_1"])).toEqual(["ses_n6"]);
  });
});

describe("commands in sentences", () => {
  const given = { dataDir: "/a b/it's" };

  test("carry the data directory that was given, quoted for a shell; names of commands stay names", () => {
    expect(withGivenStore("Run `opencode-session-repair rescue`, not `rescue`.", given)).toBe(
      "Run `opencode-session-repair rescue --data-dir '/a b/it'\\''s'`, not `rescue`.",
    );
    expect(withGivenStore("`TMPDIR=/x opencode-session-repair check`", { database: "/o.db" })).toBe(
      "`TMPDIR=/x opencode-session-repair check --db /o.db`",
    );
    // Without the `=`, the name of this folder would be taken for an option.
    expect(withGivenStore("`opencode-session-repair check`", { dataDir: "-x" })).toBe(
      "`opencode-session-repair check --data-dir=-x`",
    );
  });

  test("stay as they are where nothing was given, where they say it already, and where … stands for it", () => {
    const sentence = "Run `opencode-session-repair repair --only x` again.";
    expect(withGivenStore(sentence, {})).toBe(sentence);
    const named = "`opencode-session-repair check --db /other.db`";
    expect(withGivenStore(named, given)).toBe(named);
    const everything = "`TMPDIR=/folder opencode-session-repair …`";
    expect(withGivenStore(everything, given)).toBe(everything);
  });
});
