export type Style = "bold" | "dim" | "red" | "green" | "yellow";

/** What an answer needs to know of the place where it is read. */
export interface Screen {
  /** The number of columns for text: those of the terminal, within limits. Without a terminal, `COLUMNS`, else 80. */
  readonly width: number;
  /** Whether the answer goes to a terminal, where a person reads it. */
  readonly isScreen: boolean;
  /** The sign for shortened text, in the form that this screen shows. */
  readonly ellipsis: string;
  style(style: Style, text: string): string;
}

/** Writes a command line for the store that this call was given. */
export type CommandWriter = (...args: readonly string[]) => string;
