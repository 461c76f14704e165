import { FAULT_CODES } from "../faults/catalogue.ts";
import { PROGRAM, shellQuoted } from "../words/commands.ts";
import {
  COMMAND_NAMES,
  COMMON_OPTIONS,
  type CommandName,
  commandSpec,
  type OptionName,
  optionSpec,
  SHELLS,
  type Shell,
  type ValueKind,
} from "./commands.ts";

/** The completion script of a shell. The script offers commands, their options, codes, files and folders. */
export function completionScript(shell: Shell): string {
  return SCRIPTS[shell]();
}

const SCRIPTS: Readonly<Record<Shell, () => string>> = { bash: bashScript, zsh: zshScript, fish: fishScript };

const FUNCTION = `_${PROGRAM.replaceAll("-", "_")}`;

function optionsOf(name: CommandName): OptionName[] {
  return [...commandSpec(name).options, ...COMMON_OPTIONS];
}

function namesOf(name: CommandName): string[] {
  return [name, ...(commandSpec(name).aliases ?? [])];
}

const ALL_NAMES = COMMAND_NAMES.flatMap(namesOf);

/**
 * The words that completion offers for a kind of value. `null` if the shell offers them itself, such as files, or if
 * there are none.
 */
function wordsOf(kind: ValueKind | undefined): readonly string[] | null {
  if (kind === "code") return FAULT_CODES;
  if (kind === "command") return ALL_NAMES;
  if (kind === "shell") return SHELLS;
  return kind === "run" ? ["last"] : null;
}

/** The options that take a value of a kind for which `isKind` returns `true`. */
function optionsTaking(isKind: (kind: ValueKind | undefined) => boolean): OptionName[] {
  const all = new Set(COMMAND_NAMES.flatMap(optionsOf));
  return [...all].filter((name) => optionSpec(name).value !== undefined && isKind(optionSpec(name).kind));
}

function bashScript(): string {
  const longs = (names: readonly OptionName[]) => names.map((name) => `--${name}`);
  const cases = [
    [optionsTaking((kind) => kind === "folder"), 'COMPREPLY=($(compgen -d -- "$word"))'],
    [optionsTaking((kind) => kind === "file"), 'COMPREPLY=($(compgen -f -- "$word"))'],
    [optionsTaking((kind) => kind === "code"), `COMPREPLY=($(compgen -W "${FAULT_CODES.join(" ")}" -- "$word"))`],
    [optionsTaking((kind) => kind === "session" || kind === "other" || kind === "run"), "COMPREPLY=()"],
  ] as const;
  return [
    `# bash: ${PROGRAM} completion bash > ~/.local/share/bash-completion/completions/${PROGRAM}`,
    `${FUNCTION}() {`,
    `  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" command="" each`,
    '  case "$before" in',
    ...cases.map(([names, reply]) => `    ${longs(names).join("|")}) ${reply}; return ;;`),
    "  esac",
    `  for each in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do`,
    `    case "$each" in ${ALL_NAMES.join("|")}) command="$each"; break ;; esac`,
    "  done",
    '  local words=""',
    '  case "$command" in',
    `    "") words="${[...ALL_NAMES, ...longs(optionsOf("check"))].join(" ")}" ;;`,
    ...COMMAND_NAMES.map((name) => {
      const arguments_ = wordsOf(commandSpec(name).takes?.kind) ?? [];
      return `    ${namesOf(name).join("|")}) words="${[...arguments_, ...longs(optionsOf(name))].join(" ")}" ;;`;
    }),
    "  esac",
    '  COMPREPLY=($(compgen -W "$words" -- "$word"))',
    "}",
    `complete -F ${FUNCTION} ${PROGRAM}`,
  ].join("\n");
}

function zshOption(name: OptionName): string {
  const { short, value, kind, says, multiple } = optionSpec(name);
  const about = says.replaceAll("[", "(").replaceAll("]", ")").replaceAll(":", "\\:");
  const words = wordsOf(kind);
  const action = kind === "folder" ? "_files -/" : kind === "file" ? "_files" : `(${(words ?? []).join(" ")})`;
  const takes = value === undefined ? "" : `:${value}:${action}`;
  const star = multiple === true ? "*" : "";
  const long = shellQuoted(`${star}--${name}[${about}]${takes}`);
  return short === undefined ? long : `${long} ${shellQuoted(`-${short}[${about}]${takes}`)}`;
}

function zshScript(): string {
  return [
    `#compdef ${PROGRAM}`,
    `# zsh: ${PROGRAM} completion zsh > DIR/_${PROGRAM}, where DIR is a folder of $fpath`,
    `${FUNCTION}() {`,
    "  local -a names",
    "  names=(",
    ...COMMAND_NAMES.flatMap((name) =>
      namesOf(name).map((word) => `    ${shellQuoted(`${word}:${commandSpec(name).summary.replaceAll(":", "\\:")}`)}`),
    ),
    "  )",
    "  local chosen",
    `  chosen=\${words[(r)(${ALL_NAMES.join("|")})]}`,
    `  if [[ -z "$chosen" || "$chosen" == "\${words[CURRENT]}" ]]; then`,
    "    _describe command names",
    `    _arguments ${optionsOf("check").map(zshOption).join(" ")}`,
    "    return",
    "  fi",
    '  case "$chosen" in',
    ...COMMAND_NAMES.map((name) => {
      const words = wordsOf(commandSpec(name).takes?.kind);
      // An empty list of words is given on purpose: without any list, zsh completes no option after the command's name.
      const takes = shellQuoted(`*:argument:(${(words ?? []).join(" ")})`);
      return `    ${namesOf(name).join("|")}) _arguments ${optionsOf(name).map(zshOption).join(" ")} ${takes} ;;`;
    }),
    "  esac",
    "}",
    `if [[ "$funcstack[1]" == ${shellQuoted(`_${PROGRAM}`)} ]]; then ${FUNCTION} "$@"; else compdef ${FUNCTION} ${PROGRAM}; fi`,
  ].join("\n");
}

function fishScript(): string {
  const complete = `complete -c ${PROGRAM}`;
  // The function `__fish_use_subcommand` of fish mistakes the value of an option for a command, so it is not used.
  const first = `-n ${shellQuoted(`not __fish_seen_subcommand_from ${ALL_NAMES.join(" ")}`)}`;
  const lines = [`# fish: ${PROGRAM} completion fish > ~/.config/fish/completions/${PROGRAM}.fish`, `${complete} -f`];
  for (const name of COMMAND_NAMES) {
    lines.push(
      `${complete} ${first} -a ${shellQuoted(namesOf(name).join(" "))} -d ${shellQuoted(commandSpec(name).summary)}`,
    );
    const words = wordsOf(commandSpec(name).takes?.kind);
    const within = `__fish_seen_subcommand_from ${namesOf(name).join(" ")}`;
    if (words !== null) lines.push(`${complete} -n ${shellQuoted(within)} -a ${shellQuoted(words.join(" "))}`);
    for (const option of commandSpec(name).options)
      lines.push(`${complete} -n ${shellQuoted(within)} ${fishOption(option)}`);
  }
  for (const option of commandSpec("check").options) lines.push(`${complete} ${first} ${fishOption(option)}`);
  for (const option of COMMON_OPTIONS) lines.push(`${complete} ${fishOption(option)}`);
  return lines.join("\n");
}

function fishOption(name: OptionName): string {
  const { short, value, kind, says } = optionSpec(name);
  const words = wordsOf(kind);
  const takes =
    value === undefined
      ? ""
      : kind === "folder"
        ? " -x -a '(__fish_complete_directories)'"
        : kind === "file"
          ? " -r -F"
          : words === null
            ? " -x"
            : ` -x -a ${shellQuoted(words.join(" "))}`;
  return `${short === undefined ? "" : `-s ${short} `}-l ${name}${takes} -d ${shellQuoted(says)}`;
}
