import { showDefect } from "./dialog-parts.ts";
import type { Opening, RouteParameters } from "./left-session.ts";
import { type Look, loadInspection, type SessionGuard } from "./session-guard.ts";

/**
 * Registers a slot that opencode renders whenever another session is shown, before the session view fetches the
 * messages. The slot reads the route, and opencode renders the slot again if the route changes. opencode fetches the
 * messages of a session only once. So the plugin closes a session that does not load, repairs it or asks the user, and
 * opens it again. opencode does not render the slots inside the session view for sessions of subagents, so this slot is
 * outside of it.
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
 * The code of the dialogs and of the repair is loaded only if a session was closed. An update of the package may have
 * replaced that code. Then opencode itself opens the session or shows an error.
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
    // If the check took long, the user may have gone to another screen in the meantime.
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

/** If a session cannot be checked, it counts as healthy, and opencode itself opens it or shows an error. */
function lookAt(guard: SessionGuard, sessionID: string): Look {
  try {
    return guard.look(sessionID);
  } catch {
    return "loads";
  }
}
