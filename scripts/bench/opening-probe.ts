import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { TuiPluginApi } from "@opencode-ai/plugin/tui";

/** What the probe is to do. */
export interface ProbeOptions {
  /** Sessions to open, one after the other. */
  readonly sessionIDs: readonly string[];
  /** How many messages opencode loads of each. */
  readonly messages: number;
  /** File for the answer, as JSON: an {@link Opening} for each. */
  readonly answer: string;
}

/** What opening a session took, in milliseconds: on the clock, and of the process's work. */
export interface Opening {
  readonly wall: number;
  readonly work: number;
}

const LONGEST_MS = 30_000;

const QUIET_MS = 200;

/** The host answers no request of its first moments. */
const SETTLING_MS = 5000;

/**
 * A terminal plugin that opens sessions as the session list does, and measures for how long that holds everything up: the
 * slots of other plugins are rendered meanwhile. Fetching and drawing 5,000 parts takes seconds, more or less by hundreds
 * of milliseconds from time to time, and comes afterwards.
 */
export default { id: "opening-probe", tui: probe };

async function probe(api: TuiPluginApi, options: unknown): Promise<void> {
  void measure(api, options as ProbeOptions);
}

async function measure(api: TuiPluginApi, { sessionIDs, messages, answer }: ProbeOptions): Promise<void> {
  await sleep(SETTLING_MS);
  const times: Opening[] = [];
  for (const sessionID of sessionIDs) {
    const before = process.cpuUsage();
    const start = performance.now();
    api.route.navigate("session", { sessionID });
    const wall = performance.now() - start;
    const { user, system } = process.cpuUsage(before);
    times.push({ wall, work: (user + system) / 1000 });
    api.route.navigate("home");
    while (!isLoaded(api, sessionID, messages) && performance.now() - start < LONGEST_MS) await sleep(20);
    await sleep(QUIET_MS);
  }
  await writeFile(answer, JSON.stringify(times));
}

function isLoaded(api: TuiPluginApi, sessionID: string, messages: number): boolean {
  const loaded = api.state.session.messages(sessionID);
  const last = loaded.at(-1);
  return loaded.length >= messages && last !== undefined && api.state.part(last.id).length > 0;
}
