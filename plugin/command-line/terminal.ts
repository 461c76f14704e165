import { once } from "node:events";
import { createInterface } from "node:readline";
import type { CommonOptions } from "./arguments.ts";

/** Codes that begin and end a style (ECMA-48, SGR). `styleText` of node:util is missing up to Node 20.11. */
const STYLES = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39] } as const;

type Style = keyof typeof STYLES;

/** The only place of the command line that reads and writes the terminal. */
export interface Terminal {
  /** The answer: stdout. */
  print(text: string): void;
  /** Many lines of an answer; waits while the reader (a pager) does. */
  printAll(lines: readonly string[]): Promise<void>;
  /** Columns that text may take: those of the terminal, within reason; without one `COLUMNS`, else 80. */
  readonly width: number;
  /** Messages and errors: stderr; `--quiet` silences messages. */
  say(text: string): void;
  complain(text: string): void;
  /** One line on stderr that is overwritten; only on a terminal. */
  progress(text: string): void;
  /** Whether a person can be asked. */
  readonly interactive: boolean;
  /** Whether the answer is yes. Ctrl-C, Ctrl-D, the end of the input and a signal that ends the command are a no. */
  ask(question: string): Promise<boolean>;
  style(style: Style, text: string): string;
}

const NARROWEST = 40;
const WIDEST = 120;

function widthOf(columns: number | undefined): number {
  const wanted = columns ?? Number(process.env.COLUMNS);
  return Math.min(WIDEST, Math.max(NARROWEST, Number.isInteger(wanted) && wanted > 0 ? wanted : 80));
}

const ERASE_LINE = "\r\x1b[2K";

/** Own styles, and what makes a terminal do something or shows text in another order than it is in. */
const CONTROL = /\p{Cc}\[(?:1|2|22|31|32|33|39)m|(?![\n\t])[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

/** Names and ids come from disk: whoever wrote them must not write to the terminal. */
function harmless(text: string, styles: boolean): string {
  return text.replace(CONTROL, (match) => (styles && match.length > 1 && match.startsWith("\x1b") ? match : "\ufffd"));
}

export function openTerminal(options: Pick<CommonOptions, "quiet" | "color" | "json">, signal: AbortSignal): Terminal {
  const { stdin, stdout, stderr } = process;
  const color = options.color && process.env.NO_COLOR === undefined && stdout.isTTY === true && !options.json;
  const showProgress = stderr.isTTY === true && !options.quiet;
  let progressShown = false;
  const clear = () => {
    if (progressShown) stderr.write(ERASE_LINE);
    progressShown = false;
  };
  return {
    print(text) {
      clear();
      stdout.write(`${harmless(text, color)}\n`);
    },
    async printAll(lines) {
      clear();
      if (!stdout.write(`${harmless(lines.join("\n"), color)}\n`)) await once(stdout, "drain");
    },
    width: widthOf(stdout.columns),
    say(text) {
      clear();
      if (!options.quiet) stderr.write(`${harmless(text, color)}\n`);
    },
    complain(text) {
      clear();
      stderr.write(`${harmless(text, color)}\n`);
    },
    progress(text) {
      if (!showProgress) return;
      stderr.write(`${ERASE_LINE}${harmless(text, false)}`);
      progressShown = true;
    },
    interactive: stdin.isTTY === true && stderr.isTTY === true,
    async ask(question) {
      clear();
      if (signal.aborted) return false;
      const answer = await askedLine(`${harmless(question, false)} [y/N] `, signal);
      return answer !== null && /^y(es)?$/i.test(answer.trim());
    },
    style: (style, text) => (color ? `\x1b[${STYLES[style][0]}m${text}\x1b[${STYLES[style][1]}m` : text),
  };
}

/** One line of input; `null` where there is none: it was interrupted, or the input ended. */
function askedLine(question: string, signal: AbortSignal): Promise<string | null> {
  const { stdin, stderr } = process;
  // `question` of node:readline/promises either rejects at Ctrl-D or never settles, depending on the Node version.
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
      // What comes next must not stand on the line of the question.
      if (answer === null) stderr.write("\n");
      resolve(answer);
    });
    reader.setPrompt(question);
    reader.prompt();
  });
}
