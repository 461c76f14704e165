import type { Remedy, Severity } from "../model/finding.ts";

/** One entry of the catalogue. It drives diagnosis, documentation and tests. */
export interface Fault {
  readonly code: string;
  /** What a user reads: what is wrong, in one clause. */
  readonly title: string;
  /** What must hold of a healthy artifact. */
  readonly invariant: string;
  /** How it comes about, as far as cases are known. */
  readonly cause: string;
  /** What is known to help, and what is known to make it worse. */
  readonly advice: string;
  /** The same where no store is a database, if that is something else. */
  readonly adviceWithoutDatabase?: string;
  readonly remedy: Remedy;
  /** What is done instead where the remedy is to complete the record and no rule does; `report` where it is not said. */
  readonly otherwise?: Remedy;
  /** Whether the remedy may be applied at the start of opencode without asking. */
  readonly unasked: boolean;
  /** anomalyco/opencode issues and pull requests with this fault. */
  readonly issues: readonly number[];
  /** The classes of known cases that this entry answers (A1 … I). */
  readonly classes: readonly string[];
}

/** What diagnosis says of one artifact. */
export interface Diagnosis {
  readonly fault: Fault;
  readonly severity: Severity;
  readonly remedy: Remedy;
  /** Sizes, offsets and names of shapes, never content. */
  readonly evidence: string;
  /** The versions of opencode that fail on it, where that is not every one that may load the store. */
  readonly hosts?: readonly string[];
}
