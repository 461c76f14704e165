/**
 * The table of all commands and options. Parsing, `--help`, suggestions, completion and the man page are generated from
 * it.
 */

/** The last sentence that users read before they publish a report. */
export const READ_BEFORE_ISSUE = "Read the report before you attach it to an issue.";

/** The kind of value that an option or argument takes. Completion offers values of this kind. */
export type ValueKind = "folder" | "file" | "code" | "run" | "session" | "command" | "shell" | "other";

export interface OptionSpec {
  readonly short?: string;
  /** The name of the value; absent for an option without a value. */
  readonly value?: string;
  readonly kind?: ValueKind;
  readonly multiple?: true;
  readonly says: string;
}

export const OPTIONS = {
  session: {
    value: "ID",
    kind: "session",
    multiple: true,
    says: "only this session; the beginning of its id is enough",
  },
  only: { value: "CODE", kind: "code", multiple: true, says: "only problems with this code, including warnings" },
  for: {
    value: "2.x",
    kind: "other",
    says: "records that the import of opencode 2.x would leave out or change, or that would stop it",
  },
  item: { value: "ID", kind: "other", multiple: true, says: "only this record of the run" },
  "older-than": { value: "AGE", kind: "other", says: "an age such as 30d, 12h or 2w" },
  output: { value: "FILE", kind: "file", says: "write to this new file" },
  into: { value: "NAME", kind: "other", says: "the file name of the database that gets the sessions" },
  export: { value: "DIR", kind: "folder", says: "only write files for `opencode import` into this folder" },
  "from-data": { value: "DIR", kind: "folder", says: "look in this other data directory too" },
  import: { says: "bring in sessions that only another store has" },
  relink: { says: "correct the folder and project of sessions" },
  unarchive: { says: "take sessions out of the archive" },
  from: { value: "DIR", kind: "folder", says: "with --relink: the old folder, as the sessions name it" },
  to: { value: "DIR", kind: "folder", says: "with --relink: the folder where the project is now" },
  swap: { says: "put the new database in the place of the damaged one" },
  markdown: { says: "the whole session as Markdown, tool outputs included" },
  "dry-run": { short: "n", says: "show the plan, change nothing" },
  yes: { short: "y", says: "do it without a question" },
  "data-dir": {
    value: "DIR",
    kind: "folder",
    says: "opencode's data directory (default: $XDG_DATA_HOME/opencode, else ~/.local/share/opencode)",
  },
  db: { value: "FILE", kind: "file", says: "look at this database only" },
  json: { says: "one JSON document on stdout, messages on stderr" },
  quiet: { short: "q", says: "no messages on stderr" },
  concurrency: { value: "N", kind: "other", says: "how many files are read together (default 16)" },
  "no-color": { says: "no colours" },
  help: { short: "h", says: "print this help, or the help of the named command" },
  version: { short: "v", says: "the version of this tool" },
} as const satisfies Readonly<Record<string, OptionSpec>>;

export type OptionName = keyof typeof OPTIONS;

export const OPTION_NAMES = Object.keys(OPTIONS) as readonly OptionName[];

/** Options of every command. */
export const COMMON_OPTIONS: readonly OptionName[] = [
  "data-dir",
  "db",
  "json",
  "quiet",
  "concurrency",
  "no-color",
  "help",
  "version",
];

export function optionSpec(name: OptionName): OptionSpec {
  return OPTIONS[name];
}

export interface Example {
  /** The arguments without the name of the program. */
  readonly args: string;
  readonly says: string;
}

export interface CommandSpec {
  readonly aliases?: readonly string[];
  /** The argument after the name; absent if there is none. */
  readonly takes?: { readonly name: string; readonly kind: ValueKind; readonly most: number };
  readonly options: readonly OptionName[];
  /** One line for the list of commands. */
  readonly summary: string;
  readonly details: readonly string[];
  readonly examples: readonly Example[];
}

export const COMMANDS = {
  check: {
    takes: { name: "[SESSION]…", kind: "session", most: Number.POSITIVE_INFINITY },
    options: ["session", "for"],
    summary: "say which sessions opencode cannot load, and why (the default)",
    details: ["Changes nothing: every file stays the same, and no file is added."],
    examples: [
      { args: "", says: "check every session" },
      { args: "check ses_4f2a", says: "check one session; the beginning of its id is enough" },
    ],
  },
  repair: {
    takes: { name: "[SESSION]…", kind: "session", most: Number.POSITIVE_INFINITY },
    options: ["session", "only", "for", "dry-run", "yes"],
    summary: "recover, complete or quarantine records that opencode cannot load",
    details: [
      "Shows the plan and asks first. If opencode kept a copy of a record, the record is recovered from that copy. A record without a copy is moved to quarantine. Nothing is deleted, and `restore` undoes the repair.",
    ],
    examples: [
      { args: "repair --dry-run", says: "show the plan" },
      { args: "repair ses_4f2a", says: "repair one session" },
      { args: "repair --only lost-record", says: "repair the records with this problem" },
    ],
  },
  sessions: {
    takes: { name: "[WORDS]", kind: "other", most: Number.POSITIVE_INFINITY },
    options: [],
    summary: "list sessions, or find them by title or id",
    details: ["Lists healthy sessions too, the newest first, and marks those with problems. Changes nothing."],
    examples: [
      { args: "sessions", says: "the newest sessions" },
      { args: "sessions login page", says: "sessions whose title has both words" },
    ],
  },
  show: {
    takes: { name: "SESSION", kind: "session", most: Number.POSITIVE_INFINITY },
    options: ["markdown"],
    summary: "print what can be read of a session, or what is in a run",
    details: [
      "Takes the id of a session, its beginning, or words of its title. Records that cannot be read are marked as holes. Records in quarantine are shown in their place and marked. With --json or --markdown the session is exported whole, tool outputs included. The id of a run shows the records of that run. Changes nothing.",
    ],
    examples: [
      { args: "show login page", says: "the session with these words in its title" },
      { args: "show ses_4f2a --markdown > session.md", says: "export a session" },
      { args: "show 20261123T0215", says: "what is in a run" },
    ],
  },
  runs: {
    aliases: ["list"],
    takes: { name: "[RUN]", kind: "run", most: 1 },
    options: [],
    summary: "list the runs in quarantine, or show what is in one",
    details: [
      "Prints one line for each run, the newest first. With RUN, it prints each record that this run changed. Changes nothing.",
    ],
    examples: [
      { args: "runs", says: "every run" },
      { args: "runs last", says: "the records of the newest run" },
    ],
  },
  restore: {
    aliases: ["undo"],
    takes: { name: "RUN", kind: "run", most: 1 },
    options: ["session", "item", "dry-run", "yes"],
    summary: "undo a run: its records return, byte for byte",
    details: [
      "RUN is the id of a run, its beginning or end, or `last` for the newest run that can be undone. Shows the plan and asks first. A record is not restored if something else has taken its place.",
    ],
    examples: [
      { args: "restore last", says: "undo the newest run" },
      { args: "restore 20261123T0215 --session ses_4f2a", says: "undo the changes of a run to one session" },
    ],
  },
  rescue: {
    options: [
      "session",
      "into",
      "from-data",
      "export",
      "import",
      "relink",
      "unarchive",
      "from",
      "to",
      "dry-run",
      "yes",
    ],
    summary: "find sessions that opencode does not show, and make them visible",
    details: [
      "Lists sessions that are on disk but in no list of opencode, with the reason: old JSON storage, another database, a moved folder, or archived. On a terminal, you choose from the list the sessions that opencode will show again.",
    ],
    examples: [
      { args: "rescue", says: "list the hidden sessions, and choose" },
      { args: "rescue --relink --from /old/place --to /new/place", says: "correct the folder of a moved project" },
    ],
  },
  salvage: {
    options: ["dry-run", "swap", "yes"],
    summary: "build a new database from a damaged one",
    details: [
      "For a database that SQLite cannot read (`database disk image is malformed`, `file is not a database`). The damaged database is not changed. With --swap the new database takes its place, and quarantine keeps the damaged database.",
    ],
    examples: [
      { args: "salvage", says: "build the new database beside the damaged one" },
      { args: "salvage --swap", says: "build the new database, and put it in the place of the damaged one" },
    ],
  },
  doctor: {
    options: [],
    summary: "check that the plugin is installed, loaded and can work here",
    details: ["Each line begins with a sign. A line with ✗ says what to do. Changes nothing."],
    examples: [{ args: "doctor", says: "run this first if something does not work" }],
  },
  report: {
    options: ["output"],
    summary: "collect versions, sizes and codes for a public issue",
    details: [`The report has no content, titles, paths, keys or ids. ${READ_BEFORE_ISSUE}`],
    examples: [{ args: "report --output report.md", says: "write the report to a file" }],
  },
  purge: {
    options: ["older-than", "dry-run", "yes"],
    summary: "delete old runs from quarantine for good",
    details: ["Shows the runs, and asks before it deletes them. The records of a deleted run cannot be restored."],
    examples: [{ args: "purge --older-than 30d", says: "delete runs that are older than 30 days" }],
  },
  unlock: {
    options: ["yes"],
    summary: "remove the lock of a repair that is no longer running",
    details: [
      "For example, the container in which the repair ran is gone. The command refuses if it sees that the process still runs.",
    ],
    examples: [{ args: "unlock", says: "show who holds the lock, and ask" }],
  },
  completion: {
    takes: { name: "SHELL", kind: "shell", most: 1 },
    options: [],
    summary: "print the completion script for bash, zsh or fish",
    details: ["The first line of the script says where to put the script."],
    examples: [{ args: "completion bash", says: "for bash" }],
  },
  help: {
    takes: { name: "[COMMAND]", kind: "command", most: 1 },
    options: [],
    summary: "explain a command",
    details: [],
    examples: [{ args: "help repair", says: "what `repair` does, and its options" }],
  },
} as const satisfies Readonly<Record<string, CommandSpec>>;

export type CommandName = keyof typeof COMMANDS;

export const COMMAND_NAMES = Object.keys(COMMANDS) as readonly CommandName[];

export function commandSpec(name: CommandName): CommandSpec {
  return COMMANDS[name];
}

/** The command with a name or alias; `null` if there is none. */
export function commandOf(word: string): CommandName | null {
  return COMMAND_NAMES.find((name) => name === word || commandSpec(name).aliases?.includes(word)) ?? null;
}

export const SHELLS = ["bash", "zsh", "fish"] as const;

export type Shell = (typeof SHELLS)[number];

export function isShell(word: string): word is Shell {
  return (SHELLS as readonly string[]).includes(word);
}

/** Each exit status and its meaning, for people. */
export const EXIT_STATUS_TEXT: readonly (readonly [number, string])[] = [
  [0, "healthy, or done"],
  [1, "problems remain, or you did not confirm"],
  [2, "wrong usage, no store, or no runtime that can read it"],
  [3, "refused and nothing changed, or interrupted"],
  [4, "failed, nothing lost"],
];
