import type { ConfirmedFinding } from "../model/finding.ts";
import type { Origin } from "../model/origin.ts";
import type { OpenedStore } from "../stores/opened-store.ts";
import { type Counts, noCounts } from "../stores/store.ts";
import type { CheckInput } from "./check-input.ts";
import type { Inspected2x } from "./findings-2x.ts";
import { originFinding } from "./origin-findings.ts";

type Readable = OpenedStore & { state: "ok" | "unread" };

/**
 * The rows of a database that opencode 2.x reads; `null` if there are none or they were not read. The code that reads
 * these rows is loaded only if opencode 2.x has used the database. The check of a 1.x database does not load it.
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

/** Adds to a database's findings those in the rows of 2.x, and the amounts that were read there. */
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
