import type { Artifact, Bundle, RowValues } from "../model/artifact.ts";
import type { StoreDescription } from "../model/store-description.ts";
import { documentCheck, fits, isWholeRow, type Surroundings } from "../records/contract.ts";
import { isNamedAsCopy, statesOtherID } from "../records/copied-name.ts";
import { remarkOn } from "./remarks.ts";

const NOTHING_AROUND: Surroundings = { row: null, siblings: null };

/** A quick check of one record while a whole store is read. `false` means that the exact bytes must be diagnosed. */
export function looksHealthy(
  artifact: Artifact,
  text: string | null,
  row: RowValues | null,
  store: StoreDescription,
): boolean {
  const isUnremarkable = (value: unknown) =>
    remarkOn(artifact, value, store) === null && !isNamedAsCopy(artifact, value);
  return looksLoadable(artifact, text, row, store, isUnremarkable);
}

/**
 * The quick check of a record's file that is not in a subfolder among the records. `text`: the file, with one character
 * for each byte (Latin-1).
 */
export function looksHealthyInPlace(artifact: Artifact, text: string | null, store: StoreDescription): boolean {
  if (text === null) return false;
  try {
    const value: unknown = JSON.parse(text);
    if (!fits(artifact, value, NOTHING_AROUND, store)) return false;
    return remarkOn(artifact, value, store) === null && !statesOtherID(artifact, value);
  } catch {
    return false;
  }
}

/**
 * A quick check whether opencode can load a record. `isUnremarkable` may add one more condition for the parsed
 * document.
 */
export function looksLoadable(
  artifact: Artifact,
  text: string | null,
  row: RowValues | null,
  store: StoreDescription,
  isUnremarkable: (value: unknown) => boolean = () => true,
): boolean {
  const around = row === null ? NOTHING_AROUND : { row, siblings: null };
  if (text === null) return isWholeRow(artifact, row) && fits(artifact, row, around, store);
  try {
    const value: unknown = JSON.parse(text);
    return fits(artifact, value, around, store) && isUnremarkable(value);
  } catch {
    return false;
  }
}

/** The quick check of many rows together: `true` if each of their documents looks healthy. */
export function looksHealthyThroughout(bundle: Bundle, store: StoreDescription): boolean {
  const { kind, documents } = bundle;
  // The check needs a record. One made-up record is enough for all rows of the group, because the check compares only
  // the beginnings of ids.
  const any: Artifact = {
    kind,
    sessionID: bundle.sessionIDBeginning,
    recordID: bundle.idBeginning,
    locator: { table: kind, key: {} },
  };
  if (!fits(any, documents[0], NOTHING_AROUND, store)) return false;
  const isLoadable = documentCheck(any, store);
  if (isLoadable === null) return false;
  for (const document of documents) if (!isLoadable(document) || remarkOn(any, document, store) !== null) return false;
  return true;
}
