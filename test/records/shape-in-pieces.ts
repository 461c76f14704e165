import type { JsonShape } from "../../plugin/model/artifact.ts";
import { JsonScanner } from "../../plugin/records/json-scanner.ts";

/** What the scanner says about bytes that it gets in pieces of these sizes. The rest comes as one piece. */
export function shapeInPieces(bytes: Uint8Array, sizes: readonly number[]): JsonShape {
  const scanner = new JsonScanner();
  let at = 0;
  for (const size of sizes) {
    scanner.push(bytes.subarray(at, at + size));
    at += size;
  }
  scanner.push(bytes.subarray(at));
  return scanner.end();
}
