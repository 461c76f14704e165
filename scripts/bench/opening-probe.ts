import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { TuiPluginApi } from "@opencode-ai/plugin/tui";

/** The task of the probe. The probe is a small plugin that measures inside opencode's terminal UI. */
export interface ProbeOptions {
  /** The ids of the sessions to open, one after the other. */
  readonly sessionIDs: readonly string[];
  /** How many messages opencode loads of each session. */
  readonly messages: number;
  /** The path of the file for the answer: a JSON list with an {@link Opening} for each session. */
  readonly answer: string;
}

/** How long it took to open a session, in milliseconds: the elapsed time, and the CPU time of the process. */
export interface Opening {
  readonly wall: number;
  readonly work: number;
}

const LONGEST_MS = 30_000;

const QUIET_MS = 200;

/** opencode answers no request in the first moments after its start. */
const SETTLING_MS = 5000;

/**
 * A plugin for the terminal UI that opens sessions as the session list does. It measures for how long opencode does not
 * react while it renders the parts of the screen that belong to plugins. The time to load and draw 5,000 parts is not
 * included, because it takes seconds and varies by hundreds of milliseconds.
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
