import type { StoreDescription } from "../stores/store.ts";

/** Hosts that make the same of a record: 1.0, 1.1 (files), 1.2-1.3, 1.4-1.16 (SQLite), 1.17-1.18 (checked by schema). */
export type HostLine = "1.0" | "1.1" | "1.2" | "1.14" | "1.17";

/** The line of the host that loads a store. */
export function hostLine(store: StoreDescription): HostLine {
  if (store.generation === "json") return store.hostVersion?.startsWith("1.0.") ? "1.0" : "1.1";
  if (store.contract === "strict") return "1.17";
  return store.sessionDiffReader === "1.14" ? "1.14" : "1.2";
}
