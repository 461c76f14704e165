import type { Remedy, Severity } from "../model/finding.ts";

/**
 * One kind of problem. The list of all kinds is called the catalogue. The check, docs/faults.md and tests use the
 * catalogue.
 */
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
  /** The text that replaces `advice` if the user has JSON files and no database. */
  readonly adviceWithoutDatabase?: string;
  readonly remedy: Remedy;
  /** What is done instead if `remedy` is `normalise`, but no rule can complete the record. The default is `report`. */
  readonly otherwise?: Remedy;
  /** Whether the remedy may be applied without asking when opencode starts. */
  readonly unasked: boolean;
  /** Numbers of the issues and pull requests of anomalyco/opencode about this problem. */
  readonly issues: readonly number[];
  /**
   * Codes (`A1` to `I`) of the groups of reported cases that this entry covers. A test checks that every group is
   * covered.
   */
  readonly classes: readonly string[];
}

/** The diagnosis of one record. */
export interface Diagnosis {
  readonly fault: Fault;
  readonly severity: Severity;
  readonly remedy: Remedy;
  /** Sizes, offsets and types, never content of the record. */
  readonly evidence: string;
  /** The opencode versions that fail on the record, if other versions that may load the store do not fail. */
  readonly hosts?: readonly string[];
}
