export type Style = "bold" | "dim" | "red" | "green" | "yellow";

/** The facts about the screen on which an answer is read. */
export interface Screen {
  /**
   * The width for text, in columns: the width of the terminal, within limits. Without a terminal, `COLUMNS` or else 80.
   */
  readonly width: number;
  /** Whether the answer goes to a terminal, where a person reads it. */
  readonly isScreen: boolean;
  /** The sign for shortened text, in a form that this screen can show. */
  readonly ellipsis: string;
  style(style: Style, text: string): string;
  /**
   * The text with each command in it as the user has to type it: with `npx`, if necessary, and with the options for the
   * store. A text is completed before it is broken into lines, because it gets longer.
   */
  completed(text: string): string;
}

/** Writes a command that the user can copy, with the options for the store of this call. */
export type CommandWriter = (...args: readonly string[]) => string;
