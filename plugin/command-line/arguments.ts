import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { faultByCode } from "../faults/catalogue.ts";
import { isFolderHere, systemOfPath } from "../hosts/folder-paths.ts";
import { isRunID } from "../quarantine/run-id.ts";
import { parseAge } from "./age.ts";

export interface CommonOptions {
  readonly dataDir?: string;
  readonly database?: string;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly color: boolean;
  readonly concurrency: number;
}

/** The opencode that records are to be ready for, where that is another one than loads them now. */
export type Target = "2.x";

export type Command =
  | { readonly name: "help" }
  | { readonly name: "version" }
  | { readonly name: "check"; readonly sessionIDs: readonly string[]; readonly target: Target | null }
  | {
      readonly name: "repair";
      readonly sessionIDs: readonly string[];
      readonly codes: readonly string[] | null;
      readonly target: Target | null;
      readonly dryRun: boolean;
      readonly yes: boolean;
    }
  | {
      readonly name: "restore";
      readonly runID: string;
      readonly sessionIDs: readonly string[];
      readonly itemIDs: readonly string[];
      readonly yes: boolean;
    }
  | { readonly name: "runs" }
  | { readonly name: "salvage"; readonly dryRun: boolean; readonly swap: boolean; readonly yes: boolean }
  | { readonly name: "purge"; readonly ageMs: number; readonly yes: boolean }
  | { readonly name: "unlock"; readonly yes: boolean }
  | { readonly name: "show"; readonly sessionID: string }
  | { readonly name: "report"; readonly output: string | null }
  | {
      readonly name: "rescue";
      readonly sessionIDs: readonly string[];
      readonly into: string | null;
      /** A folder for files that `opencode import` takes. */
      readonly export: string | null;
      readonly bringIn: boolean;
      readonly bringInPutAside: boolean;
      /** Another data directory to bring sessions in from. */
      readonly fromData: string | null;
      readonly relink: boolean | { readonly from: string; readonly to: string };
      readonly unarchive: boolean;
      readonly dryRun: boolean;
      readonly yes: boolean;
    };

export type ParsedArguments =
  | { readonly ok: true; readonly command: Command; readonly options: CommonOptions }
  | { readonly ok: false; readonly message: string };

const DEFAULT_CONCURRENCY = 16;
const MOST_CONCURRENCY = 256;

const OPTIONS = {
  session: { type: "string", multiple: true },
  only: { type: "string", multiple: true },
  for: { type: "string" },
  item: { type: "string", multiple: true },
  "older-than": { type: "string" },
  output: { type: "string" },
  into: { type: "string" },
  export: { type: "string" },
  "from-data": { type: "string" },
  import: { type: "boolean" },
  relink: { type: "boolean" },
  unarchive: { type: "boolean" },
  from: { type: "string" },
  to: { type: "string" },
  "dry-run": { type: "boolean" },
  swap: { type: "boolean" },
  yes: { type: "boolean", short: "y" },
  "data-dir": { type: "string" },
  db: { type: "string" },
  json: { type: "boolean" },
  quiet: { type: "boolean", short: "q" },
  concurrency: { type: "string" },
  "no-color": { type: "boolean" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean", short: "v" },
} as const;

type Values = ReturnType<typeof parse>["values"];
type Name = Exclude<Command["name"], "help" | "version">;

const ALLOWED: Readonly<Record<Name, readonly (keyof Values)[]>> = {
  check: ["session", "for"],
  repair: ["session", "only", "for", "dry-run", "yes"],
  restore: ["session", "item", "yes"],
  runs: [],
  purge: ["older-than", "yes"],
  unlock: ["yes"],
  salvage: ["dry-run", "swap", "yes"],
  show: [],
  report: ["output"],
  rescue: ["session", "into", "from-data", "export", "import", "relink", "unarchive", "from", "to", "dry-run", "yes"],
};

const COMMON: readonly (keyof Values)[] = ["data-dir", "db", "json", "quiet", "concurrency", "no-color"];

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true, strict: true });
}

/** Reads the command line. Anything unknown or out of range is one clear sentence; nothing is guessed. */
export function parseArguments(args: readonly string[]): ParsedArguments {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    return usage(error instanceof Error ? firstSentence(error.message) : "The command line cannot be read.");
  }
  const { values, positionals } = parsed;
  const concurrency = Number(values.concurrency ?? DEFAULT_CONCURRENCY);
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > MOST_CONCURRENCY) {
    return usage(`--concurrency takes a whole number from 1 to ${MOST_CONCURRENCY}.`);
  }
  if (values["data-dir"] === "" || values.db === "") return usage("--data-dir and --db take a path.");
  const options: CommonOptions = {
    ...(values["data-dir"] === undefined ? {} : { dataDir: values["data-dir"] }),
    ...(values.db === undefined ? {} : { database: values.db }),
    json: values.json ?? false,
    quiet: values.quiet ?? false,
    color: !(values["no-color"] ?? false),
    concurrency,
  };
  if (values.help) return { ok: true, command: { name: "help" }, options };
  if (values.version) return { ok: true, command: { name: "version" }, options };
  const command = readCommand(values, positionals);
  return typeof command === "string" ? usage(command) : { ok: true, command, options };
}

function usage(message: string): ParsedArguments {
  return { ok: false, message };
}

function firstSentence(message: string): string {
  const end = message.indexOf(". ");
  return end < 0 ? message : message.slice(0, end + 1);
}

function isName(text: string): text is Name {
  return Object.hasOwn(ALLOWED, text);
}

function readCommand(values: Values, positionals: readonly string[]): Command | string {
  const [name = "check", ...rest] = positionals;
  if (name === "help") return { name: "help" };
  if (!isName(name)) return `There is no command "${name}". Commands: ${Object.keys(ALLOWED).join(", ")}.`;
  const misplaced = (Object.keys(values) as (keyof Values)[]).find(
    (option) => !COMMON.includes(option) && !ALLOWED[name].includes(option),
  );
  if (misplaced !== undefined) return `--${misplaced} does not go with "${name}".`;
  if (rest.length > (name === "restore" || name === "show" ? 1 : 0)) return `"${name}" does not take "${rest.at(-1)}".`;
  const sessionIDs = values.session ?? [];
  const yes = values.yes ?? false;
  const target = values.for ?? null;
  if (target !== null && target !== "2.x") return "--for takes 2.x, the line of opencode to make records ready for.";
  switch (name) {
    case "check":
      return { name, sessionIDs, target };
    case "repair": {
      const unknown = values.only?.find((code) => faultByCode(code) === undefined);
      if (unknown !== undefined) return `There is no fault code "${unknown}".`;
      return { name, sessionIDs, codes: values.only ?? null, target, dryRun: values["dry-run"] ?? false, yes };
    }
    case "restore": {
      const [runID] = rest;
      if (runID === undefined) return "restore needs the id of a run; `runs` lists them.";
      if (!isRunID(runID)) return "That is not the id of a run; `runs` lists them.";
      return { name, runID, sessionIDs, itemIDs: values.item ?? [], yes };
    }
    case "runs":
      return { name };
    case "unlock":
      return { name, yes };
    case "salvage":
      return { name, dryRun: values["dry-run"] ?? false, swap: values.swap ?? false, yes };
    case "purge": {
      const age = values["older-than"];
      const ageMs = age === undefined ? null : parseAge(age);
      if (ageMs === null) return "purge needs --older-than with an age such as 30d, 12h or 2w.";
      return { name, ageMs, yes };
    }
    case "show": {
      const [sessionID] = rest;
      if (sessionID === undefined) return "show needs the id of a session; `check` and `rescue` name them.";
      return { name, sessionID };
    }
    case "rescue":
      return readRescue(values, sessionIDs, yes);
    case "report":
      if (values.output === "") return "--output takes a path.";
      return { name, output: values.output ?? null };
  }
}

function isRoot(folder: string): boolean {
  return /^([A-Za-z]:)?[\\/]$/.test(folder);
}

/** Without anything else that is asked for, `rescue` brings in. */
function readRescue(values: Values, sessionIDs: readonly string[], yes: boolean): Command | string {
  const { from, to, relink = false, unarchive = false } = values;
  if ((from === undefined) !== (to === undefined)) return "--from and --to go together.";
  if (from !== undefined && to !== undefined) {
    if (systemOfPath(from) === null || !isFolderHere(to)) {
      return "--from and --to take absolute folders: whole paths, as `rescue` names them.";
    }
    if (!relink) return "--from and --to go with --relink.";
  }
  if (values.export !== undefined && (values.import || relink || unarchive)) return "--export goes alone.";
  const fromData = values["from-data"];
  if (fromData === "") return "--from-data takes a folder: another data directory of opencode.";
  const withoutSlash = (folder: string) => (isRoot(folder) ? folder : folder.replace(/[\\/]+$/, ""));
  return {
    name: "rescue",
    sessionIDs,
    into: values.into ?? null,
    export: values.export ?? null,
    bringIn: values.import ?? !(relink || unarchive),
    bringInPutAside: values.import === true || sessionIDs.length > 0,
    fromData: fromData === undefined ? null : resolve(fromData),
    relink: from === undefined || to === undefined ? relink : { from: withoutSlash(from), to: withoutSlash(to) },
    unarchive,
    dryRun: values["dry-run"] ?? false,
    yes,
  };
}
