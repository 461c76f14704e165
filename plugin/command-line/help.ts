import { PURPOSE } from "../tool-identity.ts";
import type { Screen } from "../words/answers/screen.ts";
import { PROGRAM } from "../words/commands.ts";
import { columns, padded, wrapped, wrappedAroundCommands } from "../words/text-layout.ts";
import {
  COMMAND_NAMES,
  COMMON_OPTIONS,
  type CommandName,
  commandSpec,
  EXIT_STATUS_TEXT,
  type Example,
  type OptionName,
  optionSpec,
} from "./commands.ts";

/**
 * On a screen with fewer columns, the explanation of a command or option is shown below its name instead of beside it.
 */
const NARROWEST_TABLE = 60;

/** The text of `--help`, of one command or of all. No line is wider than the screen. */
export function helpText(command: CommandName | null, screen: Pick<Screen, "width" | "completed">): string {
  return (command === null ? overview(screen) : commandHelp(command, screen.width)).join("\n");
}

function overview({ width, completed }: Pick<Screen, "width" | "completed">): string[] {
  return [
    ...wrapped(`${PROGRAM}: ${PURPOSE}.`, width, ""),
    "",
    "Usage:",
    ...wrapped(`${PROGRAM} [COMMAND] [OPTIONS]`, width, "  "),
    "",
    "Commands:",
    ...table(
      COMMAND_NAMES.map((name) => [nameOf(name), commandSpec(name).summary]),
      width,
    ),
    "",
    "Options:",
    ...optionTable(COMMON_OPTIONS, width),
    "",
    "Exit status:",
    ...table(
      EXIT_STATUS_TEXT.map(([status, says]) => [String(status), says]),
      width,
    ),
    "",
    ...wrappedAroundCommands(completed(`\`${PROGRAM} help COMMAND\` explains a command, with examples.`), width, ""),
  ];
}

function commandHelp(name: CommandName, width: number): string[] {
  const { aliases = [], options, summary, details, examples } = commandSpec(name);
  return [
    ...wrapped(`${PROGRAM} ${name}: ${summary}.`, width, ""),
    "",
    "Usage:",
    ...wrapped(usageLine(name), width, "  "),
    ...(aliases.length === 0 ? [] : ["", `Also called: ${aliases.join(", ")}`]),
    ...details.flatMap((text) => ["", ...wrappedAroundCommands(text, width, "")]),
    ...(options.length === 0 ? [] : ["", "Options:", ...optionTable(options, width)]),
    "",
    "Options of every command:",
    ...optionTable(COMMON_OPTIONS, width),
    "",
    "Examples:",
    ...examples.flatMap((example) => exampleLines(example, width)),
  ];
}

/** The usage of a command: `opencode-session-repair restore RUN [OPTIONS]`. */
export function usageLine(name: CommandName): string {
  const { takes } = commandSpec(name);
  return [PROGRAM, name, ...(takes === undefined ? [] : [takes.name]), "[OPTIONS]"].join(" ");
}

function nameOf(name: CommandName): string {
  return [name, ...(commandSpec(name).aliases ?? [])].join(", ");
}

/** An option as the help writes it: `-n, --dry-run`, `--only CODE`. */
export function optionWords(name: OptionName): string {
  const { short, value } = optionSpec(name);
  return `${short === undefined ? "" : `-${short}, `}--${name}${value === undefined ? "" : ` ${value}`}`;
}

function optionTable(names: readonly OptionName[], width: number): string[] {
  return table(
    names.map((name) => [optionWords(name), optionSpec(name).says]),
    width,
  );
}

function exampleLines({ args, says }: Example, width: number): string[] {
  return [`  ${PROGRAM} ${args}`.trimEnd(), ...wrapped(says, width, "      ")];
}

/** A table of two columns. On a narrow terminal, the second column is below the first. */
function table(rows: readonly (readonly [string, string])[], width: number): string[] {
  if (width < NARROWEST_TABLE) {
    return rows.flatMap(([first, second]) => [...wrapped(first, width, "  "), ...wrapped(second, width, "      ")]);
  }
  const room = Math.max(...rows.map(([first]) => columns(first))) + 4;
  return rows.flatMap(([first, second]) => wrapped(second, width, " ".repeat(room), padded(`  ${first}`, room)));
}
