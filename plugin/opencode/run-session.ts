import type { PluginInput } from "@opencode-ai/plugin";

/** Options of `opencode run` that do not choose, name, share or keep a session (1.1.65 to 1.18.34). */
const HARMLESS_OPTIONS: ReadonlySet<string> = new Set([
  "--command",
  "--format",
  "--model",
  "-m",
  "--agent",
  "--variant",
  "--thinking",
  "--dir",
  "--port",
  "--print-logs",
  "--log-level",
]);

/**
 * Whether this process is an `opencode run` that made a session only for its command. With `--session`, `--continue`,
 * `--fork`, `--title`, `--share`, `--attach` or an unknown option, the user may want to keep the session of this run.
 */
export function makesSessionOfItsOwn(argv: readonly string[]): boolean {
  const options = argv.filter((word) => word.startsWith("-")).map((word) => word.split("=")[0] ?? "");
  return argv.includes("run") && options.every((option) => HARMLESS_OPTIONS.has(option));
}

/**
 * Asks opencode to delete the session that `opencode run --command repair` made for its report. The session is kept if
 * it may have another use: it is older than this process, has a parent, is shared, or holds a message other than
 * `ownMessage`.
 */
export async function removeOwnSession(
  client: PluginInput["client"],
  sessionID: string,
  ownMessage: string | null,
): Promise<void> {
  try {
    const { data: session } = await client.session.get({ path: { id: sessionID } });
    if (session === undefined || session.parentID !== undefined || session.share !== undefined) return;
    if (session.time.created < performance.timeOrigin) return;
    const { data: messages } = await client.session.messages({ path: { id: sessionID } });
    if (messages === undefined || messages.some(({ info }) => info.id !== ownMessage)) return;
    await client.session.delete({ path: { id: sessionID } });
  } catch {
    // If a request fails, the session and its report stay in opencode's session list, which does no harm.
  }
}
