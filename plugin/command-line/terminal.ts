import { once } from "node:events";
import { createInterface } from "node:readline";
import { THIS_SYSTEM } from "../hosts/folder-paths.ts";
import type { PathSystem } from "../model/store-description.ts";
import { collectGarbage } from "../platform/memory.ts";
import { toCorrect } from "../words/answers/common.ts";
import type { Screen, Style } from "../words/answers/screen.ts";
import { commandStart, withGivenStore } from "../words/commands.ts";
import { clipped, columns, released, wrappedAroundCommands } from "../words/text-layout.ts";
import type { CommonOptions } from "./arguments.ts";

/**
 * Codes that begin and end a style (ECMA-48, SGR). Node has no `styleText` before version 20.12, so the codes are
 * listed here.
 */
const STYLES: Readonly<Record<Style, readonly [begin: number, end: number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
};

/** The terminal of the command line. Only this module reads from it and writes to it. */
export interface Terminal extends Screen {
  /** Prints the answer to stdout. Commands in the text get the options for the store of this call. */
  print(text: string): void;
  /** Prints an answer unchanged, such as JSON, to stdout. */
  printDocument(text: string): void;
  /**
   * Prints a document in pieces. A short document is printed only if `isWhole` says at its end that nothing is missing.
   * Returns whether anything was printed.
   */
  printPieces(pieces: AsyncIterable<string>, isWhole: () => boolean): Promise<boolean>;
  /** Prints many lines of an answer. If the reader is a pager, the function waits until the pager has read them. */
  printAll(lines: Iterable<string>): Promise<void>;
  /** Prints messages (`say`) and errors (`complain`) to stderr. `--quiet` suppresses only messages. */
  say(text: string): void;
  complain(text: string): void;
  /** Shows a line on stderr that the next line overwrites. Without a terminal, nothing is shown. */
  progress(text: string): void;
  /** Whether a person can be asked. */
  readonly interactive: boolean;
  /** Whether the user confirms. Ctrl-C, Ctrl-D, the end of the input and a signal that ends the command count as no. */
  ask(question: string): Promise<boolean>;
  /**
   * The text that the user types. `null` if the user ends the question without an answer (Ctrl-C, Ctrl-D, end of the
   * input).
   */
  askLine(question: string): Promise<string | null>;
}

/** If a command needs more than this many milliseconds to stop, a line says that it is stopping. */
const SLOW_MS = 500;

const NARROWEST = 40;
const WIDEST = 120;

/** The number of characters that are written in one step, because an answer may have tens of megabytes. */
const PIECE_CHARACTERS = 256 * 1024;

/** Garbage is collected whenever this many characters were written. */
const COLLECTED_AFTER = 8 * 1024 * 1024;

/** A document is not printed before it has this many characters, so that a short one is printed whole or not at all. */
const SHORT_CHARACTERS = 2 * 1024 * 1024;

/** Joins lines with their line breaks into longer pieces. */
function* piecesOf(lines: Iterable<string>): Iterable<string> {
  let piece = "";
  for (const line of lines) {
    piece += `${line}\n`;
    if (piece.length < PIECE_CHARACTERS) continue;
    yield piece;
    piece = "";
  }
  if (piece !== "") yield piece;
}

function widthOf(columns: number | undefined): number {
  const wanted = columns ?? Number(process.env.COLUMNS);
  return Math.min(WIDEST, Math.max(NARROWEST, Number.isInteger(wanted) && wanted > 0 ? wanted : 80));
}

const ERASE_LINE = "\r\x1b[2K";

/**
 * Matches the codes of this tool's own styles, and all characters that control a terminal or change the direction of
 * text.
 */
const CONTROL = /\p{Cc}\[(?:1|2|22|31|32|33|39)m|(?![\n\t])[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

/** Makes text from disk, such as names and ids, harmless: a stored name must not control the terminal. */
function harmless(text: string, styles: boolean): string {
  return text.replace(CONTROL, (match) => (styles && match.length > 1 && match.startsWith("\x1b") ? match : "\ufffd"));
}

/** Replacements for signs that a console without Unicode cannot show. */
const PLAIN: Readonly<Record<string, string>> = {
  "…": "...",
  "–": "-",
  "—": "-",
  "─": "-",
  "│": "|",
  "┆": "|",
  "▸": ">",
  "▒": "#",
  "·": "-",
  "→": "->",
  "“": '"',
  "”": '"',
  "×": "x",
  "✓": "ok",
  "✗": "!!",
};

function inPlain(text: string): string {
  return text.replace(/[…–—─│┆▸▒·→×✓✗“”]/g, (sign) => PLAIN[sign] ?? sign);
}

interface OutputStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/**
 * Breaks lines between words if they are wider than the terminal, which would break them inside a word. Three kinds of
 * lines are not broken: lines with a command that users copy, lines with a style, because a style must end on its line,
 * and lines with a word (such as a path) that is too wide anyway.
 */
export function withoutWideLines(text: string, width: number): string {
  return text
    .split("\n")
    .flatMap((line) => {
      if (columns(line) <= width || line.includes("\x1b") || isCopied(line)) return [line];
      const indent = /^ */.exec(line)?.[0] ?? "";
      // The lines after the first are indented more, so that they do not look like entries of the same list.
      const more = indent === "" ? "" : `${indent}  `;
      const isTooWide = (word: string) => columns(word) > width - more.length;
      if (withoutQuoted(line).split(" ").some(isTooWide)) return [line];
      return wrappedAroundCommands(line.slice(indent.length), width, more, indent);
    })
    .join("\n");
}

/** The most columns before a command that stays on the line of its label, such as `Next: `. */
const LONGEST_LABEL = 24;

/**
 * Whether users copy this line: it is a path, or a label with a command that is not between backticks. A command after
 * a longer text gets a line of its own.
 */
function isCopied(line: string): boolean {
  const at = commandStart(line);
  return (at !== null && at <= LONGEST_LABEL) || line.includes(toCorrect("")) || /^ *(~?\/|[A-Za-z]:\\)/.test(line);
}

/** A line without its texts between backticks. */
function withoutQuoted(line: string): string {
  return line.replace(/`[^`]*`/g, "");
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Whether a console shows more than ASCII. The Linux console and old consoles of Windows do not. On other systems the
 * locale decides.
 */
export function showsUnicode(env: Environment, system: PathSystem): boolean {
  if (env.TERM === "dumb" || env.TERM === "linux") return false;
  if (system === "windows") {
    return Boolean(env.WT_SESSION || env.TERM_PROGRAM || env.ConEmuTask) || /^(xterm|alacritty)/.test(env.TERM ?? "");
  }
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || "UTF-8";
  return /utf-?8/i.test(locale);
}

export type TerminalOptions = Pick<CommonOptions, "quiet" | "color" | "json" | "dataDir" | "database">;

export function openTerminal(options: TerminalOptions, signal: AbortSignal): Terminal {
  const { stdin, stdout, stderr, env } = process;
  const isStyled = options.color && !env.NO_COLOR && env.TERM !== "dumb";
  const color = isStyled && stdout.isTTY === true && !options.json;
  const isUnicode = showsUnicode(env, THIS_SYSTEM);
  const showProgress = stderr.isTTY === true && !options.quiet && env.TERM !== "dumb";
  let progressShown = false;
  const clear = () => {
    if (progressShown) stderr.write(ERASE_LINE);
    progressShown = false;
  };
  const shown = (text: string, stream: { readonly isTTY?: boolean }, styles: boolean) =>
    harmless(stream.isTTY === true && !isUnicode ? inPlain(text) : text, styles);
  const said = (text: string, stream: OutputStream, styles: boolean) => {
    const words = shown(withGivenStore(text, options), stream, styles);
    return released(stream.isTTY === true && stream.columns ? withoutWideLines(words, stream.columns) : words);
  };
  /** Returns a function that writes much to stdout. It waits for the reader, and returns `false` if that has ended. */
  const writer = () => {
    let written = 0;
    return async (piece: string): Promise<boolean> => {
      // If the reader of the output has ended (see `output.ts`), Bun keeps the stream open, and no "drain" follows.
      if (stdout.destroyed || stdout.errored) return false;
      written += piece.length;
      if (written > COLLECTED_AFTER) {
        collectGarbage();
        written = 0;
      }
      if (!stdout.write(piece)) await once(stdout, "drain").catch(() => undefined);
      return true;
    };
  };
  const complain = (text: string) => {
    clear();
    stderr.write(`${said(text, stderr, color)}\n`);
  };
  const sayStopping = () =>
    complain("Stopping after the current step. Press Ctrl-C again to stop at once; nothing is lost.");
  if (stderr.isTTY === true) signal.addEventListener("abort", () => void setTimeout(sayStopping, SLOW_MS).unref());
  return {
    print(text) {
      clear();
      stdout.write(`${said(text, stdout, color)}\n`);
    },
    printDocument(text) {
      clear();
      stdout.write(`${harmless(text, false)}\n`);
    },
    async printPieces(pieces, isWhole) {
      clear();
      const write = writer();
      let [held, isBegun] = ["", false];
      for await (const piece of pieces) {
        held += piece;
        if (held.length < (isBegun ? PIECE_CHARACTERS : SHORT_CHARACTERS)) continue;
        isBegun = true;
        if (!(await write(harmless(held, false)))) return true;
        held = "";
      }
      if (isBegun || isWhole()) await write(`${harmless(held, false)}\n`);
      return isBegun || isWhole();
    },
    async printAll(lines) {
      clear();
      const write = writer();
      for (const piece of piecesOf(lines)) if (!(await write(released(shown(piece, stdout, color))))) return;
    },
    width: widthOf(stdout.columns),
    isScreen: stdout.isTTY === true,
    ellipsis: stdout.isTTY === true && !isUnicode ? "..." : "…",
    say(text) {
      if (!options.quiet) complain(text);
    },
    complain,
    progress(text) {
      if (!showProgress) return;
      const line = clipped(text, (stderr.columns ?? NARROWEST) - 1 - (isUnicode ? 0 : 2), isUnicode ? "…" : "...");
      stderr.write(`${ERASE_LINE}${released(shown(line, stderr, false))}`);
      progressShown = true;
    },
    interactive: stdin.isTTY === true && stderr.isTTY === true,
    async ask(question) {
      clear();
      if (signal.aborted) return false;
      const answer = await askedLine(`${released(shown(question, stderr, false))} [y/N] `, signal);
      return answer !== null && /^y(es)?$/i.test(answer.trim());
    },
    async askLine(question) {
      clear();
      return signal.aborted ? null : askedLine(`${released(shown(question, stderr, false))} `, signal);
    },
    completed: (text) => withGivenStore(text, options),
    style: (style, text) => (color ? `\x1b[${STYLES[style][0]}m${text}\x1b[${STYLES[style][1]}m` : text),
  };
}

/** One line of input; `null` if it was interrupted or the input ended. */
function askedLine(question: string, signal: AbortSignal): Promise<string | null> {
  const { stdin, stderr } = process;
  // `question` of node:readline/promises is not used: at Ctrl-D it rejects or never settles, depending on the Node
  // version.
  const reader = createInterface({ input: stdin, output: stderr });
  return new Promise((resolve) => {
    let answer: string | null = null;
    const stop = () => reader.close();
    reader.once("line", (line) => {
      answer = line;
      stop();
    });
    reader.once("SIGINT", stop);
    signal.addEventListener("abort", stop, { once: true });
    reader.once("close", () => {
      signal.removeEventListener("abort", stop);
      // The next output must begin on a new line, below the question.
      if (answer === null) stderr.write("\n");
      resolve(answer);
    });
    reader.setPrompt(question);
    reader.prompt();
  });
}
