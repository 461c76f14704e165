/**
 * Commands by which the halves of this package hear of each other. They run in two threads; what both hear are the
 * commands that opencode publishes for its terminal UI, which ignores names it does not know (measured 1.14.34 to 1.18.34).
 */

/** The terminal half is on the screen and hears what is published: a toast will be seen. */
export const TERMINAL_IS_THERE = "session-repair.terminal-is-there";

/** The server half has heard it, and tells the user what there is to tell. */
export const SERVER_TELLS = "session-repair.server-tells";

/** The event that publishes the command for the terminal UI. */
export const EXECUTED = "tui.command.execute";
