/** A signal stopped the work. The unfinished new database is useless. */
export class SalvageStoppedError extends Error {
  /** Whether the copy of the damaged database is complete, so that the next salvage can use it. */
  readonly keepsCopy: boolean;

  constructor(keepsCopy: boolean) {
    super("The salvage was stopped.");
    this.name = "SalvageStoppedError";
    this.keepsCopy = keepsCopy;
  }
}
