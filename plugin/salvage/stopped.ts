/** A signal stopped the salvage. The unfinished new database cannot be used. */
export class SalvageStoppedError extends Error {
  /** Whether the copy of the damaged database is complete, so that the next salvage can use that copy. */
  readonly keepsCopy: boolean;

  constructor(keepsCopy: boolean) {
    super("The salvage was stopped.");
    this.name = "SalvageStoppedError";
    this.keepsCopy = keepsCopy;
  }
}
