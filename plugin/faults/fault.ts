import type { Remedy, Severity } from "../model/finding.ts";

/** One entry of the catalogue. It drives diagnosis, documentation and tests. */
export interface Fault {
  readonly code: string;
  /** The text for users: what is wrong, in one clause. */
  readonly title: string;
  /** The condition that every healthy record meets. */
  readonly invariant: string;
  /** How the damage comes about, as far as cases are known. */
  readonly cause: string;
  /** What is known to help, and what is known to make things worse. */
  readonly advice: string;
  /** Other advice, for the case that no store is a database. */
  readonly adviceWithoutDatabase?: string;
  readonly remedy: Remedy;
  /** The remedy if the record should be completed and no rule can do that. The default is `report`. */
  readonly otherwise?: Remedy;
  /** Whether the remedy may be applied at the start of opencode without asking. */
  readonly unasked: boolean;
  /** anomalyco/opencode issues and pull requests about this fault. */
  readonly issues: readonly number[];
  /** The classes of known cases that this entry covers (A1 … I). */
  readonly classes: readonly string[];
}

/** The diagnosis of one record. */
export interface Diagnosis {
  readonly fault: Fault;
  readonly severity: Severity;
  readonly remedy: Remedy;
  /** Sizes, offsets and names of shapes, never content. */
  readonly evidence: string;
  /** The versions of opencode that fail on it, if not all that may load the store do. */
  readonly hosts?: readonly string[];
}
