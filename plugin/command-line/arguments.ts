import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { FAULT_CODES, faultByCode } from "../faults/catalogue.ts";
import { isFolderHere, systemOfPath, withoutDots, withoutLastSlash } from "../hosts/folder-paths.ts";
import { parseAge } from "./age.ts";
import {
  COMMAND_NAMES,
  COMMON_OPTIONS,
  type CommandName,
  commandOf,
  commandSpec,
  isShell,
  OPTION_NAMES,
  type OptionName,
  optionSpec,
  SHELLS,
  type Shell,
} from "./commands.ts";
import { didYouMean } from "./suggest.ts";

export interface CommonOptions {
  readonly dataDir?: string;
  readonly database?: string;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly color: boolean;
  readonly concurrency: number;
}

/** The opencode that `--for` prepares records for. Without `--for`, the opencode that loads them now is meant. */
export type UpgradeTarget = "2.x";

export type Command =
  | { readonly name: "help"; readonly of: CommandName | null }
  | { readonly name: "version" }
  | { readonly name: "completion"; readonly shell: Shell }
  /** Ids of sessions, or the beginnings of ids. */
  | { readonly name: "check"; readonly sessionIDs: readonly string[]; readonly target: UpgradeTarget | null }
  | {
      readonly name: "repair";
      readonly sessionIDs: readonly string[];
      readonly codes: readonly string[] | null;
      readonly target: UpgradeTarget | null;
      readonly dryRun: boolean;
      readonly yes: boolean;
    }
  | {
      readonly name: "restore";
      /** The id of a run, a part of it, or `last`. */
      readonly run: string;
      readonly sessionIDs: readonly string[];
      readonly itemIDs: readonly string[];
      readonly dryRun: boolean;
      readonly yes: boolean;
    }
  | { readonly name: "runs"; readonly run: string | null }
  | { readonly name: "sessions"; readonly words: readonly string[] }
  | { readonly name: "doctor" }
  | { readonly name: "salvage"; readonly dryRun: boolean; readonly swap: boolean; readonly yes: boolean }
  | {
      readonly name: "purge";
      readonly age: string;
      readonly ageMs: number;
      readonly dryRun: boolean;
      readonly yes: boolean;
    }
  | { readonly name: "unlock"; readonly yes: boolean }
  /** `words`: an id, its beginning, or words of a title. */
  | { readonly name: "show"; readonly words: readonly string[]; readonly markdown: boolean }
  | { readonly name: "report"; readonly output: string | null }
  | {
      readonly name: "rescue";
      readonly sessionIDs: readonly string[];
      readonly into: string | null;
      /** A folder for the export files, which `opencode import` reads. */
      readonly export: string | null;
      readonly bringIn: boolean;
      readonly bringInPutAside: boolean;
      /** Another data directory from which to bring in sessions. */
      readonly fromData: string | null;
      readonly relink: boolean | { readonly from: string; readonly to: string };
      readonly unarchive: boolean;
      /** Whether the user named no action. Then a terminal shows a list to choose from. */
      readonly isOpen: boolean;
      readonly dryRun: boolean;
      readonly yes: boolean;
    };

export type ParsedArguments =
  | { readonly ok: true; readonly command: Command; readonly options: CommonOptions }
  | { readonly ok: false; readonly message: string };

const DEFAULT_CONCURRENCY = 16;
const MOST_CONCURRENCY = 256;

/** The values given for each option. If an option takes no value and is present, its list is empty. */
type Values = Partial<Record<OptionName, readonly string[]>>;

interface Given {
  readonly values: Values;
  readonly positionals: readonly string[];
}

const PARSED_OPTIONS = Object.fromEntries(
  OPTION_NAMES.map((name) => {
    const { short, value } = optionSpec(name);
    return [
      name,
      { type: value === undefined ? "boolean" : "string", multiple: true, ...(short && { short }) } as const,
    ];
  }),
);

function isOptionName(text: string): text is OptionName {
  return (OPTION_NAMES as readonly string[]).includes(text);
}

/** Splits the typed words into options and arguments. If a word is wrong, it returns the reason as a text. */
function given(args: readonly string[]): Given | string {
  const { tokens } = parseArgs({
    args: [...args],
    options: PARSED_OPTIONS,
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  const values: Values = {};
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const { name, rawName, value, inlineValue } = token;
    if (!isOptionName(name)) {
      return `Unknown option "${rawName}".${didYouMean(rawName, optionsLike(rawName))}`;
    }
    const { value: takes, multiple } = optionSpec(name);
    if (takes === undefined && value !== undefined) return `--${name} takes no value.`;
    // An empty value is most often a variable of a script that is not set.
    if (takes !== undefined && (value === undefined || value.trim() === "" || (!inlineValue && /^-./.test(value)))) {
      return `--${name} needs a value: --${name} ${takes}.`;
    }
    values[name] = [...(multiple === true ? (values[name] ?? []) : []), ...(value === undefined ? [] : [value])];
  }
  return { values, positionals };
}

/**
 * The options that may be suggested for a wrong option. Any two single letters are similar, so a single letter is
 * suggested only if the user typed it in the wrong case.
 */
function optionsLike(typed: string): string[] {
  const long = OPTION_NAMES.map((name) => `--${name}`);
  const short = OPTION_NAMES.flatMap((name) => optionSpec(name).short ?? []).map((letter) => `-${letter}`);
  return typed.length > 2 ? long : short.filter((each) => each === typed.toLowerCase());
}

/** Reads the command line. Anything unknown or out of range is answered with one clear sentence; nothing is guessed. */
export function parseArguments(args: readonly string[]): ParsedArguments {
  const words = given(args);
  if (typeof words === "string") return usage(words);
  const { values, positionals } = words;
  const concurrency = Number(last(values, "concurrency") ?? DEFAULT_CONCURRENCY);
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > MOST_CONCURRENCY) {
    return usage(`--concurrency takes a whole number from 1 to ${MOST_CONCURRENCY}.`);
  }
  const [dataDir, database] = [last(values, "data-dir"), last(values, "db")];
  const options: CommonOptions = {
    ...(dataDir === undefined ? {} : { dataDir }),
    ...(database === undefined ? {} : { database }),
    json: isOn(values, "json"),
    quiet: isOn(values, "quiet"),
    color: !isOn(values, "no-color"),
    concurrency,
  };
  if (isOn(values, "version")) return { ok: true, command: { name: "version" }, options };
  const command = readCommand(values, positionals);
  return typeof command === "string" ? usage(command) : { ok: true, command, options };
}

function last(values: Values, name: OptionName): string | undefined {
  return values[name]?.at(-1);
}

function isOn(values: Values, name: OptionName): boolean {
  return values[name] !== undefined;
}

function usage(message: string): ParsedArguments {
  return { ok: false, message };
}

function readCommand(values: Values, positionals: readonly string[]): Command | string {
  const [first = "check"] = positionals;
  // If the user types only ids of sessions, or nothing, `check` runs.
  const [word = "", ...rest] =
    positionals.length === 0 || isSessionWord(first) ? ["check", ...positionals] : positionals;
  const name = commandOf(word);
  if (name === null) return noCommand(word);
  if (isOn(values, "help")) return { name: "help", of: positionals.length === 0 || name === "help" ? null : name };
  const spec = commandSpec(name);
  const misplaced = OPTION_NAMES.find(
    (option) => isOn(values, option) && !COMMON_OPTIONS.includes(option) && !spec.options.includes(option),
  );
  if (misplaced !== undefined) return `--${misplaced} does not go with "${word}". ${goesWith(misplaced)}`;
  if (rest.length > (spec.takes?.most ?? 0)) return `"${word}" does not take "${rest.at(-1)}".`;
  return readArguments(name, word, values, rest);
}

function noCommand(word: string): string {
  const sorry = `There is no command "${word}".`;
  if (isRunWord(word)) return `${sorry} Did you mean \`runs ${word}\` or \`restore ${word}\`?`;
  const names = COMMAND_NAMES.flatMap((name) => [name, ...(commandSpec(name).aliases ?? [])]);
  const near = didYouMean(word, names);
  if (near === "" && isOptionName(word)) return `${sorry} Did you mean --${word}?`;
  return near === "" ? `${sorry} Commands: ${COMMAND_NAMES.join(", ")}.` : sorry + near;
}

/** For example: `It goes with repair, restore or purge.` */
function goesWith(option: OptionName): string {
  const names = COMMAND_NAMES.filter((name) => commandSpec(name).options.includes(option));
  const [last = "", ...others] = names.toReversed();
  return `It goes with ${others.length === 0 ? "" : `${others.toReversed().join(", ")} or `}${last}.`;
}

function notARun(word: string): string {
  return `"${word}" is not the id of a run.${didYouMean(word, ["last"])} \`runs\` lists them.`;
}

/** Reads the arguments of a command. `word` is the command's name or alias, as the user typed it. */
function readArguments(name: CommandName, word: string, values: Values, rest: readonly string[]): Command | string {
  const sessionIDs = values.session ?? [];
  const yes = isOn(values, "yes");
  const dryRun = isOn(values, "dry-run");
  switch (name) {
    case "check":
    case "repair": {
      const title = rest.find((word) => !isSessionWord(word));
      if (title !== undefined) return `"${title}" is not the id of a session; \`sessions ${title}\` looks for a title.`;
      const ids = [...sessionIDs, ...rest];
      const target = last(values, "for") ?? null;
      if (target !== null && target !== "2.x") {
        return "--for takes 2.x, the opencode for which records are made ready.";
      }
      if (name === "check") return { name, sessionIDs: ids, target };
      const codes = values.only ?? null;
      const unknown = codes?.find((code) => faultByCode(code) === undefined);
      if (unknown !== undefined)
        return `There is no problem with the code "${unknown}".${didYouMean(unknown, FAULT_CODES)}`;
      return { name, sessionIDs: ids, codes, target, dryRun, yes };
    }
    case "restore": {
      const [run] = rest;
      if (run === undefined) return `${word} needs the id of a run, or \`last\`. \`runs\` lists them.`;
      if (!isRunWord(run)) return notARun(run);
      return { name, run, sessionIDs, itemIDs: values.item ?? [], dryRun, yes };
    }
    case "runs": {
      const [run = null] = rest;
      if (run !== null && !isRunWord(run)) return notARun(run);
      return { name, run };
    }
    case "sessions":
      return { name, words: rest.filter(isWord) };
    case "doctor":
      return { name };
    case "unlock":
      return { name, yes };
    case "salvage":
      return { name, dryRun, swap: isOn(values, "swap"), yes };
    case "purge": {
      const age = last(values, "older-than") ?? "";
      const ageMs = parseAge(age);
      if (ageMs === null) return `purge needs --older-than with ${optionSpec("older-than").says}.`;
      return { name, age, ageMs, dryRun, yes };
    }
    case "show": {
      if (!rest.some(isWord)) return "show needs the id of a session or words of its title; `sessions` lists them.";
      const markdown = isOn(values, "markdown");
      if (markdown && isOn(values, "json")) return "--markdown cannot be combined with --json.";
      return { name, words: rest.filter(isWord), markdown };
    }
    case "rescue":
      return readRescue(values, sessionIDs, yes);
    case "report":
      return { name, output: last(values, "output") ?? null };
    case "completion": {
      const [shell = ""] = rest;
      if (!isShell(shell)) return `completion needs the name of a shell: ${SHELLS.join(", ")}.`;
      return { name, shell };
    }
    case "help": {
      const [topic] = rest;
      const of = topic === undefined ? null : commandOf(topic);
      return topic === undefined || of !== null ? { name, of } : noCommand(topic);
    }
  }
}

function isWord(text: string): boolean {
  return text.trim() !== "";
}

/** Whether a word looks like the id of a session: it begins with `ses_`, or is `ses`. */
function isSessionWord(word: string): boolean {
  return /^ses(_|$)/.test(word);
}

/** Whether a word names a run: `last`, the beginning of the run's id, or the last eight characters of the id. */
function isRunWord(word: string): boolean {
  return word === "last" || /^\d{1,8}(T[0-9a-fZ-]*)?$/.test(word) || /^[0-9a-f]{8}$/.test(word);
}

/**
 * Reads the options of `rescue`. Without another action, `rescue` brings in the sessions that only other stores have.
 */
function readRescue(values: Values, sessionIDs: readonly string[], yes: boolean): Command | string {
  const [from, to] = [last(values, "from"), last(values, "to")];
  const [relink, unarchive, asked] = [isOn(values, "relink"), isOn(values, "unarchive"), isOn(values, "import")];
  const exported = last(values, "export") ?? null;
  if ((from === undefined) !== (to === undefined)) return "Use --from and --to together.";
  if (from !== undefined && to !== undefined) {
    if (systemOfPath(from) === null || !isFolderHere(to)) {
      return "--from and --to take absolute folders: full paths, as `rescue` names them.";
    }
    if (!relink) return "--from and --to go with --relink.";
  }
  if (exported !== null && (asked || relink || unarchive)) {
    return "--export cannot be combined with --import, --relink or --unarchive.";
  }
  const fromData = last(values, "from-data");
  const plain = (folder: string) => withoutLastSlash(withoutDots(folder));
  return {
    name: "rescue",
    sessionIDs,
    into: last(values, "into") ?? null,
    export: exported,
    bringIn: asked || !(relink || unarchive),
    bringInPutAside: asked || sessionIDs.length > 0,
    fromData: fromData === undefined ? null : resolve(fromData),
    relink: from === undefined || to === undefined ? relink : { from: plain(from), to: plain(to) },
    unarchive,
    isOpen: !(asked || relink || unarchive) && sessionIDs.length === 0,
    dryRun: isOn(values, "dry-run"),
    yes,
  };
}
