import type { ItemState, ManifestItem, RunFolder } from "../../plugin/model/manifest-item.ts";
import { type FileSystem, nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { sha256 } from "../../plugin/platform/hash.ts";
import type { Manifest } from "../../plugin/quarantine/manifest.ts";
import { newRunID } from "../../plugin/quarantine/run-id.ts";
import { createRunFolder, publishRun } from "../../plugin/quarantine/vault.ts";

/** An item as a repair of files writes it. `evidence` is the length of its evidence. */
function fileItem(number: number, state: ItemState, evidence: number): ManifestItem {
  const id = String(number + 1).padStart(4, "0");
  return {
    id,
    ...{ kind: "part", recordID: `prt_${id}`, locator: { path: `storage/part/msg_x/prt_${id}.json` } },
    ...{ code: "empty", evidence: "e".repeat(evidence), remedy: "quarantine", state },
    original: {
      ...{ file: `items/${id}-prt.json`, bytes: 0, sha256: sha256(Buffer.from(id)) },
      ...{ mtime: "2026-11-23T02:15:00.123Z", mode: "644" },
    },
  };
}

export interface RunWanted {
  readonly sessionID?: string;
  readonly items: number;
  readonly state: "done" | "restored" | "rolled-back" | "planned";
  readonly trigger?: Manifest["trigger"];
  readonly createdAt?: Date;
  /** The length of each item's evidence. */
  readonly evidence?: number;
}

/** Stores a run of a JSON store in quarantine, as a repair or an undo leaves it. Its items have no files. */
export async function storeRun(
  dataDir: string,
  wanted: RunWanted,
  files: FileSystem = nodeFileSystem,
): Promise<RunFolder> {
  const { sessionID = "ses_x", state, createdAt = new Date() } = wanted;
  // `newRunID` never goes back in time, so the time in the id is replaced here.
  const runID = newRunID(Date.now()).replace(/^[^-]+/, createdAt.toISOString().replace(/[-:.]/g, ""));
  const prepared = await createRunFolder(files, dataDir, sessionID, runID);
  return publishRun(files, prepared, {
    ...{ schemaVersion: 1, runID, sessionID, createdAt: createdAt.toISOString(), trigger: wanted.trigger ?? "cli" },
    ...{ tool: { name: "opencode-session-repair", version: "0.1.0" }, host: null, state },
    ...{ store: { generation: "json", contract: "syntax" }, safetyCopy: { state: "skipped", reason: "a test" } },
    items: Array.from({ length: wanted.items }, (_, number) => fileItem(number, state, wanted.evidence ?? 10)),
  });
}

/** The same file system, with a count of the content bytes that were read. */
export function countingFiles(files: FileSystem): { readonly files: FileSystem; bytes(): number } {
  let bytes = 0;
  const counted = <T extends Buffer | string>(read: T): T => {
    if (typeof read !== "string") bytes += read.length;
    return read;
  };
  return {
    files: {
      ...files,
      read: async (path, largest) => counted(await files.read(path, largest)),
      readPiece: async (path, offset, length) => counted(await files.readPiece(path, offset, length)),
      async *readChunks(path) {
        for await (const chunk of files.readChunks(path)) yield counted(chunk);
      },
    },
    bytes: () => bytes,
  };
}
