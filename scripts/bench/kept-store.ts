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

/** Raise it whenever the stores of one size and seed change. */
const FORMAT = 1;

const INDEX = ".session-repair-index.json";

/** A store that was made once per machine and size, in `.cache/bench`. */
export interface KeptStore {
  readonly version: HostVersion;
  readonly dataDir: string;
  readonly project: string;
  readonly projectID: string;
  /** The storage folder, or the database. */
  readonly content: string;
}

/** Makes a store of this size from records that a real host wrote, unless it is there from an earlier run. */
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

/** Removes what an earlier start of the plugin found healthy. */
export async function forget({ dataDir }: KeptStore): Promise<void> {
  await rm(join(dataDir, INDEX), { force: true });
}

/** A home of its own for a host that loads this store; `remove` leaves the store. */
export async function homeOf({ version, dataDir, project }: KeptStore): Promise<HermeticHome> {
  const home = await createHome(version, { project });
  return { ...home, dataDir, env: { ...home.env, XDG_DATA_HOME: dirname(dataDir) } };
}
