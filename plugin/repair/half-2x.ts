import type { ConfirmedFinding } from "../model/finding.ts";
import type { Origin } from "../model/origin.ts";
import type { OpenedStore } from "../stores/opened-store.ts";
import { type Counts, noCounts } from "../stores/store.ts";
import type { CheckInput } from "./check-input.ts";
import type { Inspected2x } from "./findings-2x.ts";
import { originFinding } from "./origin-findings.ts";

type Readable = OpenedStore & { state: "ok" | "unread" };

/**
 * Checks the rows that opencode 2.x reads in a database; `null` if there are none, or if they were not read. The code
 * for these rows is loaded only if opencode 2.x has used the database.
 */
export async function halfOf2x(
  opened: Readable,
  origin: Origin | null,
  store: number,
  { files, sessionIDs, signal, access }: CheckInput,
  progress: Counts = noCounts(),
): Promise<Inspected2x | null> {
  if (origin === null || origin.kind === "1.x" || origin.kind === "newer") return null;
  const { half2xOf } = await import("./check-2x.ts");
  return half2xOf(opened, origin, { files, store, sessionIDs, signal, progress }, access ?? "outside");
}

/** Adds the findings in the rows of opencode 2.x, and a note about the tables that were read. */
export async function withHalf2x(
  of2x: Inspected2x | null,
  found: readonly ConfirmedFinding[],
  opened: Readable,
  origin: Origin | null,
  store: number,
  unknown: Set<string>,
): Promise<ConfirmedFinding[]> {
  if (of2x === null || origin === null) return [...originFinding(origin, opened.description, store), ...found];
  const { besides, readFinding } = await import("./check-2x.ts");
  for (const { id } of of2x.sessions) unknown.delete(id);
  return [readFinding(of2x, opened, origin, store), ...found, ...besides(of2x, found)];
}
