import type { TuiPluginApi } from "@opencode-ai/plugin/tui";
import type { PluginSettings } from "../../configuration/options.ts";
import type { ConfirmedFinding } from "../../model/finding.ts";
import { keptKey } from "../../quarantine/run-state.ts";
import { keptByUser } from "../../quarantine/runs.ts";
import { isDoneUnasked, isRepairable } from "../../repair/plan.ts";
import { NOTHING_CHANGED, REPAIR_UNDOES, UNDONE_BY_REPAIR } from "../../words/answers/common.ts";
import { causesText, sessionSentence } from "../../words/answers/dialog.ts";
import { doneWords, sentence, toDoWords } from "../../words/records.ts";
import { askUser, showDefect, showList, showText } from "./dialog-parts.ts";
import { changesText, repairFindings } from "./dialogs.ts";
import type { Look, SessionGuard } from "./session-guard.ts";
import { requestContext } from "./store-access.ts";

const TOAST_MS = 10_000;

const TITLE = "This session cannot be opened";

interface Opening {
  readonly api: TuiPluginApi;
  readonly settings: PluginSettings;
  readonly guard: SessionGuard;
  /** Resolves when the server answers requests. A view that is opened earlier stays empty forever. */
  readonly hostAnswers: Promise<unknown>;
}

type Parameters = Record<string, unknown>;

/**
 * Registers a slot that is rendered whenever another session is shown, before its view fetches the messages. The slot
 * reads the route, which opencode tracks. opencode fetches the messages of a session only once. So the plugin closes a
 * session that does not load, repairs it or asks, and opens it again. The slots of the session view itself are not
 * rendered for the sessions of subagents.
 */
export function guardSessions(opening: Opening): void {
  const { api, guard } = opening;
  /** The screen that was shown last. */
  let before: Parameters | null = null;
  let isLeaving = false;
  const onShown = (shown: Parameters) => {
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
    queueMicrotask(() => void repairAndReturn(opening, sessionID, shown, leave).catch(() => showDefect(api)));
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

/** A session that cannot be checked is left to opencode, which opens or refuses it. */
function lookAt(guard: SessionGuard, sessionID: string): Look {
  try {
    return guard.look(sessionID);
  } catch {
    return "loads";
  }
}

/** `leave`: shows the previous screen. */
async function repairAndReturn(
  { api, settings, guard, hostAnswers }: Opening,
  sessionID: string,
  shown: Parameters,
  leave: () => void,
): Promise<void> {
  const open = async () => {
    await hostAnswers;
    guard.letThrough(sessionID);
    // When a long check ends, the user may be on another screen.
    if (api.route.current.name === "home") api.route.navigate("session", shown);
  };
  const findings = await guard.damageOf(sessionID).catch(() => []);
  if (findings.length === 0) return open();
  // The session itself is readable if only sessions of its subagents are not.
  const otherwise = findings.some((finding) => finding.sessionID === sessionID) ? leave : open;
  const context = await requestContext(api.app.version, settings.concurrency);
  const repairable = findings.filter(isRepairable);
  const cannot = sessionSentence(findings, sessionID);
  if (context === null || repairable.length < findings.length) {
    return askWhatIsReported(api, causesText(findings), guard.refusal, open, otherwise);
  }
  const repairNow = async (unasked: boolean): Promise<void> => {
    const result = await repairFindings(context, repairable, unasked);
    api.ui.dialog.clear();
    // If a session that is still damaged were opened again, the plugin would close it again, without end.
    if ((await guard.damageOf(sessionID)).length > 0) {
      // A record that the user restored while this repair waited for the lock is repaired only if the user agrees.
      if (unasked && result.stopped === null && result.items.every((item) => item.action !== "skipped")) return ask();
      const reason = result.stopped?.message ?? result.items.find((item) => item.action === "skipped")?.reason;
      return showText(api, TITLE, `Not everything could be done. Nothing was lost. ${reason ?? ""}`, otherwise);
    }
    const done = result.items.filter((item) => item.action !== "skipped");
    // If nothing was left to do, the server half has repaired the session and reports that.
    if (done.length > 0) {
      const message = `${doneWords(done, "damaged record", " of this session")}. ${REPAIR_UNDOES}`;
      api.ui.toast({ variant: "success", title: "Session repair", message, duration: TOAST_MS });
    }
    return open();
  };
  const ask = (): void =>
    askUser(
      api,
      TITLE,
      `${cannot} ${question(repairable)}`,
      () => repairNow(false),
      () => {
        api.ui.dialog.clear();
        const message = `${NOTHING_CHANGED} Type /repair to open this session later.`;
        api.ui.toast({ variant: "info", title: "Session repair", message, duration: TOAST_MS });
        return otherwise();
      },
    );
  if (settings.preload !== "repair" || !repairable.every(isDoneUnasked)) return ask();
  const kept = await keptByUser(context.files, context.located.dataDir);
  return repairable.some((finding) => kept.has(keptKey(finding, finding.seen))) ? ask() : repairNow(true);
}

/**
 * opencode may stop with an error on records that cannot be repaired here (measured 1.18.33). So the user decides
 * whether to open the session anyway.
 */
function askWhatIsReported(
  api: TuiPluginApi,
  category: string,
  refusal: string | null,
  open: () => Promise<void>,
  otherwise: () => Promise<void> | void,
): void {
  let isOpened = false;
  const close = () => api.ui.dialog.clear();
  const openAsItIs = () => {
    isOpened = true;
    close();
    return open();
  };
  const options = [
    {
      title: "Leave it closed",
      description: refusal ?? "nothing was changed; /repair shows the details",
      value: close,
    },
    { title: "Open it as it is", description: "opencode may stop with an error", value: openAsItIs },
  ];
  const closed = () => void (isOpened ? undefined : otherwise());
  showList(
    api,
    TITLE,
    options.map((option) => ({ ...option, category })),
    "",
    closed,
  );
}

function question(findings: readonly ConfirmedFinding[]): string {
  return `${sentence(toDoWords(findings))} and open it? Nothing is deleted, and ${UNDONE_BY_REPAIR}.${changesText(findings)}`;
}
