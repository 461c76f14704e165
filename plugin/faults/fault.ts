import type { Remedy, Severity } from "../model/finding.ts";

/** One entry of the catalogue. The entries of the catalogue drive diagnosis, documentation and tests. */
export interface Fault {
  readonly code: string;
  /** The problem in one clause, as users read it. */
  readonly title: string;
  /** The condition that every healthy record meets. */
  readonly invariant: string;
  /** The known causes of the damage. */
  readonly cause: string;
  /** Known ways to repair the damage, and known ways to make it worse. */
  readonly advice: string;
  /** Another advice, used if no store is a database. */
  readonly adviceWithoutDatabase?: string;
  readonly remedy: Remedy;
  /** The remedy for a record that should be completed, if no rule can complete it. The default is `report`. */
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
  /** The versions of opencode that fail on the record, if others that may load the store do not. */
  readonly hosts?: readonly string[];
}
