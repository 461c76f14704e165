import { setTimeout as sleep } from "node:timers/promises";
import type { TuiPluginApi } from "@opencode-ai/plugin/tui";

/**
 * opencode 1.17 and newer never answer a request that comes in the first moments of their start. So the request is
 * repeated after this time.
 */
const ANSWER_MS = 1000;

const MOST_QUESTIONS = 20;

/** The names of the server's commands, as soon as the server answers requests; empty if it does not. */
export async function serverCommands({ client }: TuiPluginApi): Promise<readonly string[]> {
  for (let asked = 0; asked < MOST_QUESTIONS; asked += 1) {
    const answer = client.command.list().then(
      ({ data }) => data?.map(({ name }) => name) ?? null,
      () => null,
    );
    const names = await Promise.race([answer, sleep(ANSWER_MS, null)]);
    if (names !== null) return names;
  }
  return [];
}
