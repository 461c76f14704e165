import { join } from "node:path";
import type { HostVersion } from "../host/binary.ts";
import { startHost } from "../host/running-host.ts";
import { askAbout, type SessionAnswers, statusesOf } from "../host/session-answers.ts";
import { storeImage } from "../host/store-image.ts";
import { realStore } from "../host/stored-fixture.ts";
import { blockingOf, toolFor, trustedManifest } from "../host/tool.ts";
import { Random } from "../oracle/random.ts";
import { SqliteRecords } from "../oracle/sqlite-records.ts";

export interface RecoveryResult {
  /** Damages on which the host failed. */
  readonly failing: number;
  /** Of these, after whose repair the host's answers were the same as before the damage. */
  readonly identical: number;
  /** The others, each with what was damaged and why it did not come back. */
  readonly others: readonly string[];
}

export interface RecoveryInput {
  readonly version: HostVersion;
  readonly seed: number;
  /** How many damages on which the host fails. */
  readonly count: number;
  /** Repairs as a start with the plugin does: only what may be mended without asking. */
  readonly unasked?: boolean;
  readonly onOther?: (words: string) => void;
}

/** The answers that a session has; that of its project is another matter. */
const ROUTES = ["list", "info", "messages", "todo", "diff"] as const;

/**
 * Damages one record at a time of a store whose host logs its writes, repairs it, compares every answer of the host with
 * the one before the damage, and undoes the repair. A store that is not what it was after that ends the experiment.
 */
export async function runRecovery({ version, seed, count, unasked, onOther }: RecoveryInput): Promise<RecoveryResult> {
  const store = await realStore(version);
  const host = await startHost({ home: store.home, config: { snapshot: false } });
  await host.get("/session");
  const records = new SqliteRecords(join(store.dataDir, "opencode.db"));
  const tool = await toolFor(store.dataDir);
  const healthy = new Map<string, SessionAnswers>();
  const random = new Random(seed);
  const others: string[] = [];
  let [failing, identical] = [0, 0];
  try {
    for (const id of store.sessionIDs) healthy.set(id, await askAbout(host, id));
    while (failing < count) {
      const record = await records.damageOne(random);
      if (record === null) continue;
      const wanted = record.sessionID === null ? undefined : healthy.get(record.sessionID);
      if (wanted === undefined || record.sessionID === null || record.kind === "todo" || record.kind === "project") {
        await record.undo();
        continue;
      }
      const damaged = await askAbout(host, record.sessionID);
      // A session of another folder is listed elsewhere: every answer of the host is in order.
      if (Object.values(statusesOf(damaged)).every((status) => status === 200)) {
        await record.undo();
        continue;
      }
      failing += 1;
      const before = await storeImage(store.dataDir, []);
      const result = unasked ? await tool.repairUnasked() : await tool.repair();
      const answers = await askAbout(host, record.sessionID);
      const differing = ROUTES.filter((route) => JSON.stringify(answers[route]) !== JSON.stringify(wanted[route]));
      if (differing.length === 0) identical += 1;
      else {
        const actions = result.items.map((item) => `${item.action} ${item.code} ${item.reason ?? ""}`).join(", ");
        const words = `${record.locator}: ${record.what}: ${actions || "nothing done"}; ${JSON.stringify(statusesOf(answers))}, other answer of ${differing.join(", ")}`;
        others.push(words);
        onOther?.(words);
      }
      for (const manifest of result.manifests) await trustedManifest(manifest);
      if (result.runID !== null) await tool.restore(result.runID);
      const after = await storeImage(store.dataDir, []);
      if (JSON.stringify(after) !== JSON.stringify(before)) throw new Error(`${record.locator}: the undo is not exact`);
      await record.undo();
    }
    const left = blockingOf(await tool.check());
    if (left.length > 0) throw new Error(`the store is damaged in the end: ${JSON.stringify(left)}`);
    return { failing, identical, others };
  } finally {
    records.close();
    await host.stop();
    await store.home.remove();
  }
}
