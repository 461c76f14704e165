/** Exit status of the command line; scripts rely on these numbers. */
export const EXIT = {
  /** Healthy, or everything asked was done and nothing is left. */
  done: 0,
  /** Findings remain, or a plan awaits a yes. */
  findings: 1,
  /** The command line is wrong, or names something that is not there. */
  usage: 2,
  /** Refused; nothing was changed. */
  refused: 3,
  /** Failed (I/O error, disk full …); nothing was lost. */
  failed: 4,
} as const;

export type ExitStatus = (typeof EXIT)[keyof typeof EXIT];
