import type { TuiPluginApi } from "@opencode-ai/plugin/tui";
import type { PluginSettings } from "../../configuration/options.ts";
import type { ConfirmedFinding } from "../../model/finding.ts";
import { keptKey } from "../../quarantine/run-state.ts";
import { keptByUser } from "../../quarantine/runs.ts";
import { writingRefusal } from "../../repair/may-write.ts";
import { isDoneUnasked, isRepairable } from "../../repair/plan.ts";
import { REPAIR_UNDOES } from "../../words/answers/common.ts";
import { causesText, sessionSentence } from "../../words/answers/dialog.ts";
import { doneWords, sentence, toDoWords } from "../../words/records.ts";
import { changesText, repairFindings } from "./dialogs.ts";
import { askUser, showList, showText } from "./dialogs-with-commands.ts";
import type { SessionGuard } from "./session-guard.ts";
import { requestContext } from "./store-access.ts";

const TOAST_MS = 10_000;

const TITLE = "This session cannot be opened";

/** The objects that are needed to check a session when the user opens it. */
export interface Opening {
  readonly api: TuiPluginApi;
  readonly settings: PluginSettings;
  readonly guard: SessionGuard;
  /** Resolves when the server answers requests. A session view that is opened earlier stays empty forever. */
  readonly hostAnswers: Promise<unknown>;
}

/** The parameters of opencode's route to a session view. */
export type RouteParameters = Record<string, unknown>;

/**
 * Repairs a session that the guard closed, or asks the user first, and opens the session again. `open` opens the
 * session without a repair. `leave` shows the previous screen.
 */
export async function repairAndReturn(
  { api, settings, guard }: Opening,
  sessionID: string,
  open: () => Promise<void>,
  leave: () => void,
): Promise<void> {
  const findings = await guard.damageOf(sessionID).catch(() => []);
  if (findings.length === 0) return open();
  // If only sessions of subagents are damaged, opencode can open the session itself, so it opens even without a repair.
  const otherwise = findings.some((finding) => finding.sessionID === sessionID) ? leave : open;
  const context = await requestContext(api.app.version, settings.concurrency);
  const repairable = findings.filter(isRepairable);
  const cannot = sessionSentence(findings, sessionID);
  if (context === null || repairable.length < findings.length) {
    return askWhatIsReported(api, causesText(findings), writingRefusal(guard.origin), open, otherwise);
  }
  const repairNow = async (unasked: boolean): Promise<void> => {
    const result = await repairFindings(context, repairable, unasked);
    api.ui.dialog.clear();
    // A session that is still damaged is not opened, because the guard would close it again, without end.
    if ((await guard.damageOf(sessionID)).length > 0) {
      // While this repair waited for the lock, the user may have restored a record. Such a record is repaired only if
      // the user agrees.
      if (unasked && result.stopped === null && result.items.every((item) => item.action !== "skipped")) return ask();
      const reason = result.stopped?.message ?? result.items.find((item) => item.action === "skipped")?.reason;
      return showText(api, TITLE, `Some records could not be repaired. Nothing was lost. ${reason ?? ""}`, otherwise);
    }
    const done = result.items.filter((item) => item.action !== "skipped");
    // If no record needed a repair any more, the server half has repaired the session and shows its own message.
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
        const message = "Nothing was changed. Type /repair to open this session later.";
        api.ui.toast({ variant: "info", title: "Session repair", message, duration: TOAST_MS });
        return otherwise();
      },
    );
  if (settings.preload !== "repair" || !repairable.every(isDoneUnasked)) return ask();
  const kept = await keptByUser(context.files, context.located.dataDir);
  return repairable.some((finding) => kept.has(keptKey(finding, finding.seen))) ? ask() : repairNow(true);
}

/**
 * Some records cannot be repaired here, and opencode may stop with an error on them (measured 1.18.33). So the user
 * decides whether to open the session anyway.
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
    { title: "Open the session as it is", description: "opencode may stop with an error", value: openAsItIs },
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
  return `${sentence(toDoWords(findings))} and open the session? Nothing is deleted, and /repair can undo the repair.${changesText(findings)}`;
}
