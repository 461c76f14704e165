import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { cacheDirectory } from "../host/cache.ts";

/**
 * A folder that was made from older sources is deleted after this time, in milliseconds. Until then, another test run
 * may use it.
 */
const KEPT_MS = 24 * 3_600_000;

/**
 * Returns a folder in `.cache` that `make` filled from these sources (files and folders). `make` runs only if no test
 * file has made the folder for the present content of the sources. Nobody may change the folder's content.
 */
export async function madeOnce(
  name: string,
  sources: readonly string[],
  make: (folder: string) => Promise<void>,
): Promise<string> {
  const parent = cacheDirectory(name);
  const made = join(parent, contentOf(sources));
  if (await isFolder(made)) return made;
  await mkdir(parent, { recursive: true });
  await removeOld(parent);
  const stage = await mkdtemp(join(parent, ".making-"));
  try {
    await make(stage);
    await rename(stage, made).catch(async (error: unknown) => {
      // Another process has made the same folder in the meantime.
      if (!(await isFolder(made))) throw error;
    });
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
  return made;
}

function contentOf(sources: readonly string[]): string {
  const hash = createHash("sha256");
  const add = (path: string) => {
    if (lstatSync(path).isDirectory()) for (const name of readdirSync(path).sort()) add(join(path, name));
    else hash.update(`${path}\0`).update(readFileSync(path)).update("\0");
  };
  for (const path of sources) add(path);
  return hash.digest("hex").slice(0, 16);
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

async function removeOld(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const path = join(parent, name);
    const found = await stat(path).catch(() => null);
    if (found !== null && Date.now() - found.mtimeMs > KEPT_MS) await rm(path, { recursive: true, force: true });
  }
}
