import type { Artifact } from "../model/artifact.ts";
import type { OpenedStore } from "../stores/opened-store.ts";
import { clipped } from "../words/text-layout.ts";
import { readableText } from "./transcript.ts";

/** A preview shows at most this many columns of a text. */
const MOST_COLUMNS = 200;

/**
 * The readable text of a damaged message or part, to show it before the repair; `null` if there is none. This text is
 * session content: only for the screen of the user who asked, never for a log, a toast or a report.
 */
export async function previewOf(
  opened: readonly OpenedStore[],
  artifact: Artifact & { readonly store: number },
): Promise<string | null> {
  const store = opened[artifact.store];
  if (store?.state !== "ok" || artifact.recordID === null) return null;
  const evidence = await store.store.examine(artifact).catch(() => null);
  const { storage, bytes, size = 0 } = evidence ?? {};
  if (bytes == null || storage === undefined || storage === "row") return null;
  const { recordID, locator } = artifact;
  const times = { timeMs: null, updatedMs: null };
  const text = readableText({ recordID, locator, storage, size, bytes: Buffer.from(bytes), ...times });
  return text === null || text.trim() === "" ? null : clipped(text.trim(), MOST_COLUMNS);
}
