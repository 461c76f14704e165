import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import fsExtra from "fs-extra";
import { type HostVersion, isJsonHost } from "../../test/host/binary.ts";
import { cacheDirectory } from "../../test/host/cache.ts";
import { createHome, type HermeticHome } from "../../test/host/home.ts";
import { realStore } from "../../test/host/stored-fixture.ts";
import { addSessions } from "./large-store.ts";
import type { StoreSize } from "./templates.ts";

/**
 * Increase this number after every change that makes another store from the same size and seed. Stores with an older
 * number in the cache are then not used.
 */
const FORMAT = 1;

const INDEX = ".session-repair-index.json";

/** A test store in `.cache/bench`. It is made only once for each size, because that takes minutes. */
export interface KeptStore {
  readonly version: HostVersion;
  readonly dataDir: string;
  readonly project: string;
  readonly projectID: string;
  /** The path of the `storage/` folder or of the database. */
  readonly content: string;
}

/**
 * Makes a test store from records that a real opencode wrote. If an earlier run has made the same store, that store is
 * used.
 */
export async function keptStore(version: HostVersion, size: StoreSize, seed: number): Promise<KeptStore> {
  const kept = cacheDirectory(join("bench", `${version}-${size.sessions}-${size.parts}-${seed}-${FORMAT}`));
  const dataDir = join(kept, "opencode");
  const store = await realStore(version);
  try {
    if (!existsSync(dataDir)) {
      addSessions(store, version, size, seed);
      await mkdir(dirname(kept), { recursive: true });
      await fsExtra.move(store.dataDir, `${kept}.new/opencode`, { overwrite: true });
      await fsExtra.move(`${kept}.new`, kept);
    }
  } finally {
    await store.home.remove();
  }
  const content = join(dataDir, isJsonHost(version) ? "storage" : "opencode.db");
  const made = { version, dataDir, project: store.project, projectID: store.projectID, content };
  await forget(made);
  return made;
}

/** Removes the index of healthy sessions, so that the next start of the plugin checks everything. */
export async function forget({ dataDir }: KeptStore): Promise<void> {
  await rm(join(dataDir, INDEX), { force: true });
}

/** A home folder for an opencode that loads this store. Its `remove` does not delete the store. */
export async function homeOf({ version, dataDir, project }: KeptStore): Promise<HermeticHome> {
  const home = await createHome(version, { project });
  return { ...home, dataDir, env: { ...home.env, XDG_DATA_HOME: dirname(dataDir) } };
}
