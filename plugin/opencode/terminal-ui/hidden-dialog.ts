import type { TuiDialogSelectOption } from "@opencode-ai/plugin/tui";
import { runEntry } from "../../platform/own-entry.ts";
import { namedBy, type RescueChoice, type RescueLists, recordRepair, rescueChoices } from "../../rescue/choices.ts";
import type { HiddenList } from "../../rescue/rescue.ts";
import { plural } from "../../words/amounts.ts";
import {
  ALL_SHOWN,
  NOT_SHOWN_TITLE,
  NOTHING_CHANGED,
  UNDO_IN_LIST,
  UNDONE_BY_REPAIR,
} from "../../words/answers/common.ts";
import { noteLines, whereIsNow } from "../../words/answers/rescue.ts";
import { npxCommand } from "../../words/commands.ts";
import { minuteText } from "../../words/times.ts";
import type { Choice, DialogInput } from "./dialog-parts.ts";
import { showList, showText } from "./dialogs-with-commands.ts";
import { showDialogProgress } from "./progress.ts";

type Option = TuiDialogSelectOption<Choice>;

export interface HiddenInput extends DialogInput {
  /** The path of the module that runs the command line. */
  readonly commandLine: string;
}

/** The answer of the command line to `rescue --json`. */
interface RescueAnswer extends RescueLists, Pick<HiddenList, "unjudged" | "limits" | "unreadStores"> {
  readonly runID?: string | null;
  readonly items?: readonly { readonly action: string; readonly reason?: string }[];
  readonly error?: string;
  readonly message?: string;
}

/**
 * Lists the sessions that this opencode does not show, and brings back the chosen sessions. A command line in a process
 * of its own does the work. It opens other databases too, which must not happen inside opencode's process.
 */
export async function openHiddenDialog(input: HiddenInput): Promise<void> {
  const { api } = input;
  const progress = showDialogProgress(api, "Looking for sessions that are not shown", { whenClosed: "stop" });
  const answer = await rescueAnswer(input, ["--dry-run"], progress.signal);
  if (progress.signal.aborted) return progress.close();
  if (answer === null) return showFailure(input, null);
  if (answer.error !== undefined) return showFailure(input, answer.error);
  const choices = rescueChoices(answer);
  if (choices.length === 0) return showText(api, NOT_SHOWN_TITLE, shownText(answer));
  const suggested = choices.filter(({ isSuggested }) => isSuggested);
  const all: Option[] =
    suggested.length < 2
      ? []
      : [
          {
            title: `All ${plural(suggested.length, "session")} whose place is known`,
            description: UNDONE_BY_REPAIR,
            value: () => bringBack(input, suggested),
          },
        ];
  const notes: Option[] =
    answer.unreadStores.length + answer.unjudged === 0
      ? []
      : [
          {
            title: "There may be more sessions",
            description: "not everything could be read",
            value: () => showText(api, NOT_SHOWN_TITLE, noteLines(answer).join("\n")),
          },
        ];
  showList(
    api,
    `${NOT_SHOWN_TITLE}: ${choices.length.toLocaleString("en-US")}`,
    [...all, ...choices.map((each) => optionFor(input, each)), ...notes],
    "Filter",
  );
}

/**
 * The text of the dialog if there is nothing to choose. It names databases that could not be read, because more
 * sessions may be in them.
 */
export function shownText(answer: Parameters<typeof noteLines>[0]): string {
  const notes = noteLines(answer);
  return notes.length === 0 ? `opencode ${ALL_SHOWN}` : notes.join("\n");
}

function optionFor(input: HiddenInput, choice: RescueChoice): Option {
  const { sessionID, title, updatedMs, messages, why, directory } = choice;
  const count = messages === null ? [] : [plural(messages, "message")];
  const when = updatedMs === null ? [] : [minuteText(updatedMs)];
  return {
    title: title === null || title === "" ? sessionID : title,
    description: [...when, ...count, why].join(" · "),
    category: directory ?? "Without a folder",
    value: () => choose(input, choice),
  };
}

function choose(input: HiddenInput, choice: RescueChoice): Promise<void> | void {
  const { action } = choice;
  if (action.kind === "certain") return bringBack(input, [choice]);
  if (action.kind === "repair") {
    const text = `The record of this session is gone. To rebuild that record, run in a shell: ${npxCommand(...recordRepair([action.sessionID]))}`;
    return showText(input.api, NOT_SHOWN_TITLE, text);
  }
  if (action.candidates.length === 0) {
    const text = `The folder of this session is gone, and nothing shows where the folder is now. If you know it, run in a shell: ${npxCommand("rescue", "--relink", "--from", action.from, "--to", "FOLDER")}`;
    return showText(input.api, NOT_SHOWN_TITLE, text);
  }
  const places = action.candidates.map((folder): Option => {
    const args = ["--relink", "--from", action.from, "--to", folder, "--session", choice.sessionID];
    return { title: folder, value: () => carryOut(input, args) };
  });
  showList(input.api, whereIsNow(action.from), places, "Filter");
}

function bringBack(input: HiddenInput, choices: readonly RescueChoice[]): Promise<void> {
  const sessions = namedBy(choices).flatMap((sessionID) => ["--session", sessionID]);
  return carryOut(input, ["--import", "--relink", "--unarchive", ...sessions]);
}

async function carryOut(input: HiddenInput, args: readonly string[]): Promise<void> {
  const { api } = input;
  const progress = showDialogProgress(api, "Rescuing sessions", { whenClosed: "go on" });
  const answer = await rescueAnswer(input, ["--yes", ...args], progress.signal);
  if (answer === null || answer.error !== undefined) return showFailure(input, answer?.error ?? null);
  const items = answer.items ?? [];
  const done = items.filter(({ action }) => action === "rescued").length;
  const refused = items.find(({ action }) => action === "skipped")?.reason;
  const lines = [done === 0 ? NOTHING_CHANGED : `${plural(done, "record")} changed.`];
  if (refused !== undefined) lines.push(`Some changes were not made: ${refused}.`);
  if (answer.message !== undefined) lines.push(answer.message);
  if (done > 0 && refused === undefined && answer.message === undefined)
    lines.push("opencode's session list shows the session when you open the list again.");
  if (done > 0) lines.push(UNDO_IN_LIST);
  showText(api, NOT_SHOWN_TITLE, lines.join(" "));
}

function showFailure({ api }: DialogInput, error: string | null): void {
  const text = error ?? "The search for hidden sessions failed.";
  showText(api, NOT_SHOWN_TITLE, `${text} In a shell: ${npxCommand("rescue")}`);
}

async function rescueAnswer(
  { commandLine }: HiddenInput,
  args: readonly string[],
  signal: AbortSignal,
): Promise<RescueAnswer | null> {
  const printed = await runEntry(commandLine, ["rescue", "--json", "--quiet", ...args], signal);
  if (printed === null) return null;
  try {
    return JSON.parse(printed.stdout) as RescueAnswer;
  } catch {
    return null;
  }
}
