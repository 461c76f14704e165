import { PURPOSE, TOOL } from "../tool-identity.ts";
import {
  COMMAND_NAMES,
  COMMON_OPTIONS,
  type CommandName,
  commandSpec,
  EXIT_STATUS_TEXT,
  type OptionName,
  optionSpec,
} from "./commands.ts";
import { optionWords, usageLine } from "./help.ts";

/** The man page, in the macros of man(7). The page is made from the same table as `--help`. */
export function manPage(): string {
  return [
    `.TH ${TOOL.name.toUpperCase().replaceAll("-", "\\-")} 1 "" "${TOOL.name} ${TOOL.version}" "User Commands"`,
    ".SH NAME",
    `${roff(TOOL.name)} \\- ${PURPOSE}`,
    ".SH SYNOPSIS",
    `.B ${roff(TOOL.name)}`,
    "[COMMAND] [OPTIONS]",
    ".SH COMMANDS",
    ...COMMAND_NAMES.flatMap(command),
    ".SH OPTIONS",
    ...COMMON_OPTIONS.flatMap(option),
    ".SH EXIT STATUS",
    ...EXIT_STATUS_TEXT.flatMap(([status, says]) => [".TP", `.B ${status}`, roff(says)]),
    "",
  ].join("\n");
}

function command(name: CommandName): string[] {
  const { aliases = [], summary, details, options, examples } = commandSpec(name);
  return [
    `.SS ${roff(name)}`,
    `.B ${roff(usageLine(name))}`,
    ".PP",
    roff(`${summary.slice(0, 1).toUpperCase()}${summary.slice(1)}.`),
    ...(aliases.length === 0 ? [] : [".PP", roff(`Also called ${aliases.join(", ")}.`)]),
    ...details.flatMap((text) => [".PP", roff(text)]),
    ...options.flatMap(option),
    ...examples.flatMap(({ args, says }) => [
      ".PP",
      roff(`Example: ${says}`),
      ".PP",
      ".RS",
      `.B ${roff(`${TOOL.name} ${args}`.trimEnd())}`,
      ".RE",
    ]),
  ];
}

function option(name: OptionName): string[] {
  return [".TP", `.B ${roff(optionWords(name))}`, roff(optionSpec(name).says)];
}

/** Escapes characters that man(7) would read as the beginning of a macro or of an escape. */
function roff(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("…", "...")
    .replaceAll("✓", "ok")
    .replaceAll("✗", "x")
    .replace(/^([.'])/, "\\&$1");
}
