/** A signal stopped the work. What was built of the new database is useless. */
export class SalvageStoppedError extends Error {
  /** Whether the copy of the damaged database is complete and stays for the next salvage. */
  readonly keepsCopy: boolean;

  constructor(keepsCopy: boolean) {
    super("The salvage was stopped.");
    this.name = "SalvageStoppedError";
    this.keepsCopy = keepsCopy;
  }
}
