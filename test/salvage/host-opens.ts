import { Database } from "bun:sqlite";
import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { HostVersion } from "../host/binary.ts";
import { createHome } from "../host/home.ts";
import { hostVerdict } from "../host/load-path.ts";
import { startHost } from "../host/running-host.ts";

export interface HostOpening {
  readonly listStatus: number;
  readonly listed: number;
  readonly sessions: number;
  /** Sessions for which at least one route did not answer 200. */
  readonly failing: readonly string[];
}

/** Starts a real host on a copy of the database and opens every session in it. */
export async function hostOpens(version: HostVersion, project: string, database: string): Promise<HostOpening> {
  const home = await createHome(version, { project });
  try {
    await mkdir(home.dataDir, { recursive: true });
    const live = join(home.dataDir, "opencode.db");
    await copyFile(database, live);
    const rows = new Database(live);
    const ids = (rows.query("select id from session").values() as string[][]).map(([id]) => String(id));
    rows.close();
    const host = await startHost({ home });
    try {
      const verdict = await hostVerdict(host, ids);
      const failing = verdict.sessions.filter((session) =>
        [session.info, session.messages, session.todo, session.diff].some((answer) => answer.status !== 200),
      );
      return {
        listStatus: verdict.list.status,
        listed: verdict.listIDs.length,
        sessions: ids.length,
        failing: failing.map((session) => session.id),
      };
    } finally {
      await host.stop();
    }
  } finally {
    await home.remove();
  }
}
