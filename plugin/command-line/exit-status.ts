/** Exit status of the command line; scripts rely on these numbers. */
export const EXIT = {
  /** Healthy, or everything that was asked for was done and no problem is left. */
  done: 0,
  /** Problems remain, or the user did not confirm. */
  findings: 1,
  /** The command line is wrong, or names something that does not exist. */
  usage: 2,
  /**
   * Refused, and nothing was changed. Or the command was interrupted: the changes so far are complete, and the answer
   * has no verdict.
   */
  refused: 3,
  /** Failed (I/O error, disk full …); nothing was lost. */
  failed: 4,
} as const;

export type ExitStatus = (typeof EXIT)[keyof typeof EXIT];
