import { createHash } from "node:crypto";
import type { ContentHash } from "../model/replacement.ts";
import type { FileSystem } from "./file-system.ts";

/** SHA-256 of bytes, as lower-case hex. */
export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/**
 * The size and the SHA-256 of a file's content, read in pieces.
 * @throws the reason of the abort signal, at the next piece after the signal
 */
export async function hashFile(files: FileSystem, path: string, signal?: AbortSignal): Promise<ContentHash> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of files.readChunks(path)) {
    signal?.throwIfAborted();
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest("hex") };
}
