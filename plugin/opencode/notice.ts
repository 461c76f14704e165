import type { PluginInput } from "@opencode-ai/plugin";
import type { Notice } from "../words/answers/notice.ts";

type Client = PluginInput["client"];

/**
 * The plugin gives up a request to opencode after this time, in milliseconds, so that other work is not delayed for
 * long. opencode answers requests only after its start.
 */
const REQUEST_MS = 15_000;

/** Toasts are shown for this long, in milliseconds. */
const TOAST_MS = 12_000;

export function hasNews(notice: Notice): boolean {
  return (
    notice.items.length > 0 ||
    notice.remaining.length > 0 ||
    notice.warnings.length > 0 ||
    notice.stopped !== null ||
    notice.note !== undefined
  );
}

async function answerStatus(client: Client, sessionID: string): Promise<number | null> {
  try {
    const answer = await within(client.session.messages({ path: { id: sessionID } }));
    return answer?.response?.status ?? null;
  } catch {
    return null;
  }
}

async function within<T>(work: Promise<T>): Promise<T | null> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), REQUEST_MS);
    timer.unref?.();
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function showToast(client: Client, notice: Notice, message: string): Promise<void> {
  try {
    const variant =
      notice.remaining.length > 0 || notice.stopped !== null ? ("warning" as const) : ("success" as const);
    await within(client.tui.showToast({ body: { title: "Session repair", message, variant, duration: TOAST_MS } }));
  } catch {
    // Without a terminal UI, opencode refuses the toast. This error is ignored, because nobody could see the toast.
  }
}

const MOST_SESSIONS_ASKED = 5;
const MOST_ITEMS_LOGGED = 50;

/**
 * Tells the user with a toast, and writes a structured line to opencode's log. The line contains the HTTP status that
 * opencode now returns for the repaired sessions. opencode answers requests only after its start, so the start must not
 * wait for this function. Never throws.
 */
export async function tell(client: Client, notice: Notice, withToast: boolean): Promise<void> {
  // The module is loaded only if there is a message to show.
  const { noticeSentence } = await import("../words/answers/notice.ts");
  const sentence = noticeSentence(notice);
  const toast = withToast ? showToast(client, notice, sentence) : Promise.resolve();
  const sessions = [...new Set(notice.items.map((item) => item.sessionID))].filter((id) => id !== null);
  const answers: Record<string, number | null> = {};
  for (const id of sessions.slice(0, MOST_SESSIONS_ASKED)) answers[id] = await answerStatus(client, id);
  const extra = {
    plugin: "opencode-session-repair",
    trigger: notice.trigger,
    runID: notice.runID,
    items: notice.items.slice(0, MOST_ITEMS_LOGGED).map(({ sessionID, recordID, kind, code, action }) => ({
      sessionID,
      recordID,
      kind,
      code,
      action,
    })),
    itemCount: notice.items.length,
    remaining: notice.remaining.slice(0, MOST_ITEMS_LOGGED).map(({ sessionID, recordID, kind, code }) => ({
      sessionID,
      recordID,
      kind,
      code,
    })),
    remainingCount: notice.remaining.length,
    answers,
    warnings: notice.warnings,
  };
  try {
    const body = { service: "session-repair", level: "warn" as const, message: sentence, extra };
    await within(client.app.log({ body }));
  } catch {
    // A failed write to the log is ignored, because the user has seen the toast.
  }
  await toast;
}
