import { showDefect } from "./dialog-parts.ts";
import type { Opening, RouteParameters } from "./left-session.ts";
import { type Look, loadInspection, type SessionGuard } from "./session-guard.ts";

/**
 * Registers a slot that is rendered whenever another session is shown, before its view fetches the messages. The slot
 * reads the route, which opencode tracks. opencode fetches the messages of a session only once. So the plugin closes a
 * session that does not load, repairs it or asks, and opens it again. The slots of the session view itself are not
 * rendered for the sessions of subagents.
 */
export function guardSessions(opening: Opening): void {
  const { api, guard } = opening;
  /** The screen that was shown last. */
  let before: RouteParameters | null = null;
  let isLeaving = false;
  const onShown = (shown: RouteParameters) => {
    const sessionID = String(shown.sessionID);
    const look = lookAt(guard, sessionID);
    if (look === "loads") {
      before = shown;
      return;
    }
    isLeaving = true;
    api.route.navigate("home");
    if (look === "long") {
      api.ui.toast({ variant: "info", title: "Session repair", message: "Checking this long session …" });
    }
    const back = before;
    const leave = () => {
      if (back !== null && api.route.current.name === "home") api.route.navigate("session", back);
    };
    queueMicrotask(() => void repairLeftSession(opening, sessionID, shown, leave).catch(() => showDefect(api)));
  };
  api.slots.register({
    slots: {
      app() {
        const { current } = api.route;
        if (current.name === "session") onShown({ ...current.params });
        else if (isLeaving) isLeaving = false;
        else before = null;
        return null;
      },
    },
  });
}

/**
 * The dialogs and the repair are loaded only when a session was left. If they cannot be loaded, because the package was
 * replaced meanwhile, opencode opens the session or refuses it.
 */
async function repairLeftSession(
  opening: Opening,
  sessionID: string,
  shown: RouteParameters,
  leave: () => void,
): Promise<void> {
  const { api, guard, hostAnswers } = opening;
  const open = async () => {
    await hostAnswers;
    guard.letThrough(sessionID);
    // When a long check ends, the user may be on another screen.
    if (api.route.current.name === "home") api.route.navigate("session", shown);
  };
  const [{ repairAndReturn }] = await Promise.all([import("./left-session.ts"), loadInspection()]).catch(
    async (error: unknown) => {
      await open();
      throw error;
    },
  );
  return repairAndReturn(opening, sessionID, open, leave);
}

/** A session that cannot be examined is left to opencode, which opens or refuses it. */
function lookAt(guard: SessionGuard, sessionID: string): Look {
  try {
    return guard.look(sessionID);
  } catch {
    return "loads";
  }
}
