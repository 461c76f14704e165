export type Style = "bold" | "dim" | "red" | "green" | "yellow";

/** The facts about the screen on which an answer is read. */
export interface Screen {
  /**
   * The number of columns for text: the columns of the terminal, within limits. Without a terminal, `COLUMNS` or else
   * 80.
   */
  readonly width: number;
  /** Whether the answer goes to a terminal, where a person reads it. */
  readonly isScreen: boolean;
  /** The sign for shortened text, in a form that this screen can show. */
  readonly ellipsis: string;
  style(style: Style, text: string): string;
  /**
   * The text with each command in it as the user has to type it, with `npx` and the options for the store. Text is
   * completed before it is broken into lines, because this makes it longer.
   */
  completed(text: string): string;
}

/** Writes a command line for the store that this call was given. */
export type CommandWriter = (...args: readonly string[]) => string;
