import type { ConfirmedFinding } from "../../plugin/model/finding.ts";
import { Random } from "../oracle/random.ts";
import { type SessionToShow, writeSessions } from "../terminal/shown-sessions.ts";
import { healthySessions } from "./healthy-variations.ts";
import { startHost } from "./running-host.ts";
import type { RealStore } from "./stored-fixture.ts";
import { toolFor } from "./tool.ts";

/** The error names that 1.14.48 to 1.17.0 do not know. */
const UNKNOWN_ERROR: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  ["1.14.48", "1.15.0", "1.15.3", "1.15.4", "1.15.13", "1.17.0"].map((version) => [version, ["ContentFilterError"]]),
);

export interface VariationsTrial {
  readonly sessions: readonly SessionToShow[];
  /** The ids of the sessions in the store, by the ids in `sessions`. */
  readonly ids: ReadonlyMap<string, string>;
  readonly findings: readonly ConfirmedFinding[];
}

/** Writes generated healthy documents into a store, and checks the store. The seed decides the documents. */
export async function checkVariations(store: RealStore, seed: number, count: number): Promise<VariationsTrial> {
  const sessions = healthySessions(new Random(seed), count, UNKNOWN_ERROR[store.home.version]);
  const ids = writeSessions(store, sessions);
  const { findings } = await (await toolFor(store.dataDir)).check();
  return { sessions, ids, findings };
}

/** The sessions that a real opencode does not load completely, with its answers. */
export async function refusedByHost(store: RealStore, trial: VariationsTrial, sample: number): Promise<string[]> {
  const host = await startHost({ home: store.home });
  const refused: string[] = [];
  try {
    for (const { id, turns } of trial.sessions.slice(0, sample)) {
      const { status, body } = await host.get(`/session/${trial.ids.get(id)}/message`);
      const loaded = Array.isArray(body) ? body.length : 0;
      if (status !== 200 || loaded !== turns.length + 2)
        refused.push(`${id}: ${status}, ${JSON.stringify(body).slice(0, 500)}`);
    }
  } finally {
    await host.stop();
  }
  return refused;
}
