import { sep } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { FileStat, FileSystem } from "../../../plugin/platform/file-system.ts";
import { manifestText, parseManifest } from "../../../plugin/quarantine/manifest.ts";
import { quarantinePath } from "../../../plugin/quarantine/places.ts";
import { folderNameFor } from "../../../plugin/quarantine/run-folders.ts";
import { isRunID } from "../../../plugin/quarantine/run-id.ts";
import { JsonWriter } from "../../../plugin/stores/json/json-writer.ts";
import { demand } from "../defect.ts";
import { KEPT } from "../kept-item.ts";

const DATA = "/data";

/**
 * Any bytes are read without an exception. A restore with the manifest never uses a path outside the data directory.
 */
export async function fuzz(data: Uint8Array): Promise<void> {
  const reading = parseManifest(Buffer.from(data).toString("utf8"));
  demand(Object.keys(Object.prototype).length === 0, "every object has a new field");
  if (!reading.ok) {
    demand(
      /^[a-z].{5,}/is.test(reading.problem) && reading.problem.length < 200,
      `no clear problem: ${reading.problem}`,
    );
    return;
  }
  const { manifest } = reading;
  const again = parseManifest(manifestText(manifest));
  demand(again.ok && isDeepStrictEqual(again.manifest, manifest), "it is written otherwise than it was read");
  demand(isRunID(manifest.runID), "not a run id");
  const name = folderNameFor(manifest.sessionID);
  demand(/^[A-Za-z0-9_-]+$/.test(name), "a folder's name that leads elsewhere");
  const folder = [quarantinePath(DATA), name, manifest.runID].join(sep);
  if (manifest.store.generation !== "json" || manifest.items.some(({ kind }) => kind === "database")) return;
  const files = watchedFiles(folder);
  const writer = new JsonWriter(files, DATA);
  for (const item of manifest.items) await writer.observe(item, folder);
  const outcomes = await writer.putBack(manifest.items, folder);
  demand(outcomes.length === manifest.items.length, "an item of which nothing is said");
}

/**
 * A file system in which every item of the manifest is in quarantine, and its original place is free. Every path is
 * checked before it is used.
 */
function watchedFiles(folder: string): FileSystem {
  const answers: Partial<Record<keyof FileSystem, (path: string) => unknown>> = {
    stat: (path) => statOf(path, folder),
    list: () => [],
    read: () => KEPT,
    readPiece: () => KEPT,
    freeBytes: () => 1e9,
    makeDirectory: () => true,
    fileSystemType: () => 0xef53,
  };
  return new Proxy({} as FileSystem, {
    get(_target, name: keyof FileSystem) {
      return (...values: unknown[]) => {
        for (const path of values.slice(0, name === "writeNew" ? 1 : 2))
          if (typeof path === "string") demandInside(path);
        if (name === "readChunks") return chunks();
        return Promise.resolve(answers[name]?.(String(values[0])));
      };
    },
  });
}

async function* chunks(): AsyncIterable<Buffer> {
  yield KEPT;
}

function demandInside(path: string): void {
  const names = path.split(sep);
  const isInside = path === DATA || path.startsWith(DATA + sep);
  demand(isInside && !names.includes("..") && !path.includes("\0"), "a path that leads out of the data directory");
}

function statOf(path: string, folder: string): FileStat | null {
  const common = { mtimeMs: 1, ctimeMs: 1, birthMs: 1, mode: 0o600, links: 1, device: 1, inode: 1 };
  if (path.startsWith(`${folder}${sep}items${sep}`)) return { ...common, type: "file", size: KEPT.length };
  return path.split(sep).length > 4 ? null : { ...common, type: "directory", size: 0 };
}
