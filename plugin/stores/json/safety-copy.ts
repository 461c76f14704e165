import { basename, dirname, join } from "node:path";
import { isFileLocator } from "../../model/artifact.ts";
import { makePrivateDirectory, PRIVATE_FILE } from "../../platform/durable.ts";
import { errnoCode, type FileSystem } from "../../platform/file-system.ts";
import { amount } from "../../words/amounts.ts";
import type { Operation, SafetyCopy } from "../writer.ts";
import { isPlainID, messageFolder, partFolder, STORAGE } from "./layout.ts";
import type { LiveFiles } from "./live-files.ts";

/** The free space that must remain after a safety copy, because the repair itself and opencode need some space. */
const SPACE_TO_LEAVE = 16 * 1024 * 1024;

/**
 * Copies the records that a session needs to load into `<folder>/safety`, where `folder` is the repair's folder in
 * quarantine. If that is not possible, the result says why.
 */
export async function copyFilesForSafety(
  { files, dataDir }: LiveFiles,
  sessionID: string,
  operations: readonly Operation[],
  folder: string,
): Promise<SafetyCopy> {
  try {
    const paths = await loadCriticalFiles(files, dataDir, sessionID, operations);
    let bytes = 0;
    for (const path of paths) bytes += (await files.stat(join(dataDir, path)))?.size ?? 0;
    if ((await files.freeBytes(folder)) < bytes + SPACE_TO_LEAVE) {
      return { state: "skipped", reason: `not enough free space for ${amount(bytes, "byte")}` };
    }
    for (const path of paths) {
      const target = await makePrivateDirectory(files, folder, "safety", ...dirname(path).split("/"));
      await files.copyNew(join(dataDir, path), join(target, basename(path)), PRIVATE_FILE);
    }
    return { state: "complete", files: paths.length, bytes };
  } catch (error) {
    const code = errnoCode(error);
    // A repair does not need the safety copy, so the repair goes on without it. The repair stops only if the disk
    // itself fails.
    if (code === null || code === "EIO") throw error;
    return { state: "skipped", reason: `the record could not be copied (${code})` };
  }
}

/** The files that a session needs to load: its own records, and the part folders in which the repair changes a file. */
async function loadCriticalFiles(
  files: FileSystem,
  dataDir: string,
  sessionID: string,
  operations: readonly Operation[],
): Promise<string[]> {
  if (!isPlainID(sessionID)) return [];
  const folders = new Set([messageFolder(sessionID)]);
  for (const { locator } of operations) {
    if (isFileLocator(locator) && locator.path.startsWith(`${partFolder("")}`)) folders.add(dirname(locator.path));
  }
  const paths: string[] = [];
  for (const path of [`${STORAGE}/todo/${sessionID}.json`, `${STORAGE}/session_diff/${sessionID}.json`]) {
    if ((await files.stat(join(dataDir, path)))?.type === "file") paths.push(path);
  }
  for (const project of (await files.list(join(dataDir, STORAGE, "session"))) ?? []) {
    const path = `${STORAGE}/session/${project.name}/${sessionID}.json`;
    if ((await files.stat(join(dataDir, path)))?.type === "file") paths.push(path);
  }
  for (const folder of folders) {
    for (const entry of (await files.list(join(dataDir, folder))) ?? []) {
      if (entry.type === "file") paths.push(`${folder}/${entry.name}`);
    }
  }
  return paths;
}
