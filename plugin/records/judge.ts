import { type Artifact, isFileLocator } from "../model/artifact.ts";
import type { StoreDescription } from "../model/store-description.ts";
import { contractFor, type Demand, isHarmless, isWholeRow, type Surroundings } from "./contract.ts";
import { type Mismatch, schemaMismatches } from "./mismatch.ts";
import { fitsPlace } from "./shape.ts";
import { zodSchema } from "./zod-schema.ts";

/**
 * What opencode makes of a record's value. `fits`: opencode loads the value. `no-record`: the value is not a record at
 * all. A list: the places of the value that opencode does not accept.
 */
export type Judgement = "fits" | "no-record" | readonly Mismatch[];

/**
 * Judges a parsed value as the opencode that loads the store does. The value is the parsed JSON of a document, or the
 * columns of a row (then `value` is `row`).
 */
export function judge(artifact: Artifact, value: unknown, around: Surroundings, store: StoreDescription): Judgement {
  if (isHarmless(artifact, value, around)) return "fits";
  const hasPlace = isWholeRow(artifact, around.row) || fitsPlace(artifact, value, store);
  if (isFileLocator(artifact.locator) && !hasPlace) return "no-record";
  const { demands, departures } = contractFor(artifact, value, around, store);
  const found = [...demands.flatMap((demand) => mismatchesWith(demand, artifact, value)), ...departures];
  if (found.length === 0) return "fits";
  return hasPlace ? found : "no-record";
}

function mismatchesWith({ shape, of, at, blocks }: Demand, artifact: Artifact, value: unknown): Mismatch[] {
  return schemaMismatches(zodSchema(shape), of(artifact, value)).map((found) => ({
    ...found,
    path: at === null ? found.path : [at, ...found.path],
    blocks,
  }));
}
