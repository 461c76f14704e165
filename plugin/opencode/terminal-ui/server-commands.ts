import { setTimeout as sleep } from "node:timers/promises";
import type { TuiPluginApi } from "@opencode-ai/plugin/tui";

/**
 * opencode 1.17 and newer never answer a request that comes too early in their start. So a request without an answer is
 * repeated after this time, in milliseconds.
 */
const ANSWER_MS = 1000;

const MOST_QUESTIONS = 20;

/** The names of the commands that the server offers. The list is empty if the server does not answer. */
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
