import { Database } from "bun:sqlite";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { type RunningHost, startHost } from "../host/running-host.ts";
import { messagesOf, type World } from "./world.ts";

/** A copy of a world's database, made in the middle of a history. The copy has an opencode process of its own. */
export class DatabaseCopy {
  readonly path: string;
  readonly #world: World;
  #host: RunningHost | null = null;

  constructor(world: World, name: string) {
    this.#world = world;
    this.path = join(world.home.dataDir, name);
    using database = new Database(join(world.home.dataDir, "opencode.db"));
    database.run("vacuum into ?", [this.path]);
  }

  /** The opencode process that works on the copy. The first call starts the process. */
  async host(): Promise<RunningHost> {
    this.#host ??= await startHost({ home: this.#world.home, env: { OPENCODE_DB: this.path } });
    return this.#host;
  }

  /** The ids of a session's messages, as the copy's opencode answers. `null` if the copy does not have the session. */
  async messagesOf(id: string): Promise<readonly string[] | null> {
    return messagesOf(await this.host(), id);
  }

  /** Stops the copy's opencode. The file of the copy stays where it is. */
  async leave(): Promise<void> {
    await this.#host?.stop();
    this.#host = null;
  }

  async remove(): Promise<void> {
    await this.leave();
    for (const suffix of ["", "-wal", "-shm"]) rmSync(`${this.path}${suffix}`, { force: true });
  }
}
