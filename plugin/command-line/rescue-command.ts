import { dirname } from "node:path";
import { type RescueChoice, rescueChoices } from "../rescue/choices.ts";
import type { HiddenSession } from "../rescue/hidden.ts";
import { isAddedSince } from "../rescue/incomplete.ts";
import { isWanted, type RescueInput } from "../rescue/request.ts";
import { type HiddenList, listHidden, type RescueResult, rescue } from "../rescue/rescue.ts";
import { plural } from "../words/amounts.ts";
import { LOOKING_FOR_SESSIONS, NOTHING_CHANGED, STOPPED_AT_ONCE } from "../words/answers/common.ts";
import { changeText, EXPORT_INSTEAD, listText, noteLines } from "../words/answers/rescue.ts";
import type { CommandWriter } from "../words/answers/screen.ts";
import { storeLine } from "../words/answers/stores.ts";
import { commandFor, type GivenStore } from "../words/commands.ts";
import { sentence, UNDOABLE_STEPS } from "../words/records.ts";
import { inOnePiece } from "../words/text-layout.ts";
import { listAnswer } from "./answers.ts";
import type { Command } from "./arguments.ts";
import { isAgreed } from "./confirmation.ts";
import { answer, type CommandContext, stopped as interrupted, problem } from "./context.ts";
import { EXIT, type ExitStatus } from "./exit-status.ts";
import { unlessLeft } from "./leaving.ts";
import { otherDataLines, otherDataNote } from "./other-data-note.ts";
import { showProgress } from "./progress-line.ts";
import { chooseSessions } from "./rescue-choice.ts";
import { endUnknown, exportSessions, isUncertain, withoutList } from "./rescue-export.ts";
import { missingHere, missingText } from "./rescue-for-2x.ts";
import { resolveAmong } from "./resolve-ids.ts";

type Rescue = Command & { name: "rescue" };

/** `rescue`: lists sessions that opencode does not show, asks, and rescues them. */
export async function rescueCommand(context: CommandContext, typed: Rescue): Promise<ExitStatus> {
  const { files, located, signal, terminal } = context;
  const { into, fromData } = typed;
  const write = rescueWriter(context.options, typed);
  terminal.progress(LOOKING_FOR_SESSIONS);
  let tell: ReturnType<typeof showProgress> | null = null;
  const onProgress = (done: number, of: number) => {
    tell ??= showProgress(terminal, "Bringing in", "sessions");
    tell(done, of);
  };
  const sources = { files, located, into, fromData, countMessages: true, signal, onProgress };
  const asked: RescueInput = { ...sources, sessionIDs: typed.sessionIDs, resolve: resolveAmong };
  if (typed.export !== null) return exportSessions(context, asked, typed.export);
  const listing = await unlessLeft(() => listHidden(asked, typed), signal);
  if (listing === null || (listing.ok && signal.aborted)) return interrupted(context, STOPPED_AT_ONCE);
  if (!listing.ok) return withoutList(context, listing);
  const { list, unknown, sessionIDs } = listing;
  if (unknown.length > 0) return endUnknown(context, unknown, listing.stores);
  const command = { ...typed, sessionIDs };
  const input: RescueInput = { ...sources, sessionIDs };
  const other = await otherDataNote(context, fromData);
  const beside = otherDataLines(context, other);
  const isAsking = terminal.interactive && command.isOpen && !command.yes && !command.dryRun && !context.options.json;
  const choices = isAsking && list.refusal === null ? rescueChoices(list) : [];
  if (choices.length > 0) return choose(context, input, list, choices, beside, write);
  const wanted = list.hidden.filter((session) => isWanted(session, command));
  const added = list.incomplete.filter((session) => command.bringIn && isAddedSince(session, sessionIDs));
  const count = wanted.length + added.length + list.changes.length;
  if (list.refusal !== null && count > 0) {
    const { lines } = await missingLines(context, input, write);
    const shown = paragraphs([[listText(list, write, sessionIDs)], lines]);
    (context.options.json ? terminal.say : terminal.print)(shown);
    return problem(context, `${list.refusal} ${EXPORT_INSTEAD}`, EXIT.refused);
  }
  if (!(await confirmed(context, command, list, [...wanted, ...added], count))) {
    const { missing, lines, fields } = await missingLines(context, input, write);
    const document = { ...list, runID: null, ...fields, ...(other.length > 0 && { otherData: other }) };
    const undecided = count === 0 && !command.dryRun && command.relink === true ? [undecidedText(list)] : [];
    answer(context, listAnswer(document), paragraphs([undecided, lines, beside]));
    return count > 0 ||
      missing.length > 0 ||
      list.notFound.length > 0 ||
      list.hidden.some(isMissed) ||
      isUncertain(list)
      ? EXIT.findings
      : EXIT.done;
  }
  const result = await rescue(input, command);
  const after = await listedAgain(input, signal);
  const { missing, lines, fields } = await missingLines(context, input, write);
  const { stopped, ...done } = result;
  const messages = [...(stopped === null ? [] : [stopped.message]), ...(after === null ? [UNLISTED] : [])];
  const message = messages.length === 0 ? undefined : messages.join(" ");
  answer(
    context,
    listAnswer({
      ...list,
      ...(after ?? NOT_LISTED),
      changes: list.changes,
      ...done,
      ...fields,
      ...(message === undefined ? {} : { message }),
    }),
    paragraphs([[doneText(result, after, write)], lines]),
  );
  if (message !== undefined) terminal.complain(message);
  if (stopped?.kind === "failed") return EXIT.failed;
  if (signal.aborted && (stopped !== null || after === null)) return EXIT.refused;
  if (after === null) return EXIT.findings;
  if (stopped?.kind === "refused") return result.runID === null ? EXIT.refused : EXIT.findings;
  return missing.length > 0 || isLeft(result, after) ? EXIT.findings : EXIT.done;
}

/**
 * The sessions and records of opencode 1.x that are missing in opencode 2.x, although 2.x has upgraded this database:
 * as values, as lines for people, and as fields of the JSON answer. A rescue does not bring them to 2.x, so every
 * answer names them.
 */
async function missingLines(context: CommandContext, { into, sessionIDs }: RescueInput, write: CommandWriter) {
  const missing = context.signal.aborted ? [] : await missingHere(context, into, sessionIDs);
  const text = missingText(missing, write("rescue", "--export", "FOLDER"));
  const [lines, fields] = missing.length === 0 ? [[], {}] : [[text], { missingIn2x: missing }];
  return { missing, lines, fields };
}

/** Whether a requested change was not made, or a session may still be hidden. */
function isLeft({ items }: Pick<RescueResult, "items">, after: HiddenList): boolean {
  return items.some(({ action }) => action === "skipped") || after.hidden.some(isMissed) || isUncertain(after);
}

/** The sessions that are still hidden; `null` if a signal stopped the list, or the stores can no longer be read. */
async function listedAgain(input: RescueInput, signal: AbortSignal): Promise<HiddenList | null> {
  const request = { bringIn: false, relink: false, unarchive: false };
  const after = await unlessLeft(() => listHidden(input, request), signal);
  return after?.ok ? after.list : null;
}

/** The lists in the answer if it is unknown which sessions are hidden. */
const NOT_LISTED = { hidden: null, partlyShown: null, incomplete: null } as const;

const UNLISTED =
  "After the changes, the sessions were not listed again. Some may still be hidden. Run `opencode-session-repair rescue`.";

/** The answer to `--relink` if this tool could not find out the new folder of any session. */
function undecidedText({ hidden, partlyShown }: HiddenList): string {
  const isOpen = [...hidden, ...partlyShown].some(({ cause }) => cause === "moved" || cause === "project-changed");
  return isOpen
    ? `${NOTHING_CHANGED} Only you know where these sessions belong: run one of the commands above.`
    : NOTHING_CHANGED;
}

function paragraphs(parts: readonly (readonly string[])[]): string {
  const written = parts.filter((lines) => lines.length > 0);
  return written.map((lines) => lines.join("\n")).join("\n\n");
}

/**
 * Lets the user choose from the list, and carries out the choice. Sessions that move to different folders get separate
 * runs.
 */
async function choose(
  context: CommandContext,
  input: RescueInput,
  list: HiddenList,
  choices: readonly RescueChoice[],
  beside: readonly string[],
  write: CommandWriter,
): Promise<ExitStatus> {
  const { terminal, signal } = context;
  terminal.print(
    `${storeLine(context.located)}\n${plural(choices.length, "session")} that opencode does not show in every list (${list.target}):`,
  );
  const notes = [...noteLines(list), ...beside];
  if (notes.length > 0) terminal.print(notes.join("\n"));
  const chosen = await chooseSessions(choices, terminal, write);
  if (chosen === null) {
    const { lines } = await missingLines(context, input, write);
    terminal.print(paragraphs([lines, [NOTHING_CHANGED]]));
    return EXIT.findings;
  }
  let after = list;
  const items: RescueResult["items"][number][] = [];
  for (const { sessionIDs, request } of chosen) {
    const result = await rescue({ ...input, sessionIDs }, request);
    const again = await listedAgain({ ...input, sessionIDs: [] }, signal);
    terminal.print(doneText(result, again, write));
    const { stopped } = result;
    if (stopped !== null) terminal.complain(stopped.message);
    if (again === null) terminal.complain(UNLISTED);
    if (stopped?.kind === "failed") return EXIT.failed;
    if (signal.aborted || (stopped !== null && result.runID === null)) return EXIT.refused;
    if (stopped !== null || again === null) return EXIT.findings;
    after = again;
    for (const item of result.items) items.push(item);
  }
  const { missing, lines } = await missingLines(context, input, write);
  if (lines.length > 0) terminal.print(`\n${lines.join("\n")}`);
  return missing.length > 0 || isLeft({ items }, after) ? EXIT.findings : EXIT.done;
}

/**
 * Whether a user probably misses the session. An archived session was hidden on purpose. A session that only an old
 * copy has may have been deleted.
 */
function isMissed({ cause }: HiddenSession): boolean {
  return cause !== "archived" && cause !== "put-aside";
}

/**
 * Writes commands with the options for the store of this call. A `rescue` command also gets `--into` and `--from-data`
 * of this call.
 */
export function rescueWriter(given: GivenStore, { into, fromData }: Pick<Rescue, "into" | "fromData">): CommandWriter {
  const same = [...(into === null ? [] : ["--into", into]), ...(fromData === null ? [] : ["--from-data", fromData])];
  return (name, ...args) => commandFor(given, name, ...args, ...(name === "rescue" ? same : []));
}

async function confirmed(
  context: CommandContext,
  command: Rescue,
  list: HiddenList,
  wanted: readonly { readonly sessionID: string }[],
  count: number,
): Promise<boolean> {
  const { options, terminal } = context;
  const show = options.json ? terminal.say : terminal.print;
  if (!command.yes || command.dryRun || count === 0) {
    show(`${storeLine(context.located)}\n\n${listText(list, rescueWriter(options, command), command.sessionIDs)}`);
    if (list.changes.length > 0)
      show(["", "These values would be changed:", ...list.changes.map(changeText)].join("\n"));
  }
  if (command.dryRun || count === 0) return false;
  if (command.yes) return true;
  const what = [
    ...(wanted.length > 0 ? [`bring ${plural(wanted.length, "session")} into ${list.target}`] : []),
    ...(list.changes.length > 0 ? [`change ${plural(list.changes.length, "value")}`] : []),
  ].join(" and ");
  return isAgreed(context, `${sentence(what)}? It can be undone.`, `Add --yes to ${what}; ${UNDOABLE_STEPS}.`);
}

function doneText(
  { runID, manifests, items, sessions }: RescueResult,
  again: HiddenList | null,
  write: CommandWriter,
): string {
  const sum = (key: "messages" | "parts" | "todos") => sessions.reduce((total, each) => total + each[key], 0);
  const brought = new Set(sessions.map(({ sessionID }) => sessionID));
  const changed = items.filter(({ action, sessionID }) => action === "rescued" && !brought.has(sessionID ?? ""));
  const lines: string[] = [];
  if (sessions.length > 0) {
    const content = `${plural(sum("messages"), "message")}, ${plural(sum("parts"), "part")}, ${plural(sum("todos"), "todo")}`;
    lines.push(`Brought in ${plural(sessions.length, "session")}: ${content}.`);
  }
  if (changed.length > 0) lines.push(`Changed ${plural(changed.length, "record")}.`);
  const listed =
    again === null ? [] : noLongerHidden([...brought, ...changed.map(({ sessionID }) => sessionID)], again);
  if (listed.length > 0)
    lines.push(`${plural(listed.length, "session")} ${listed.length === 1 ? "is" : "are"} no longer hidden.`);
  const completed = new Map<string, number>();
  for (const session of sessions) {
    for (const [path, count] of Object.entries(session.completed))
      completed.set(path, (completed.get(path) ?? 0) + count);
    for (const { kind, recordID, why } of session.leftOut) lines.push(`  not brought in: ${kind} ${recordID}, ${why}`);
  }
  for (const [path, count] of completed)
    lines.push(`  completed, because older releases did not write this field: ${path}, ${plural(count, "time")}`);
  for (const { action, recordID, reason } of items) {
    if (action === "skipped") lines.push(`  not changed: ${recordID ?? ""}, ${reason ?? ""}`);
  }
  const [first] = manifests;
  if (runID !== null && first !== undefined) {
    lines.push("", `The manifests of these changes are in ${inOnePiece(dirname(dirname(dirname(first))))}`);
    lines.push(`To undo: ${write("restore", runID)}`);
  }
  const left = (again?.hidden ?? []).filter(isMissed).length;
  if (left > 0)
    lines.push("", `${plural(left, "session")} ${left === 1 ? "is" : "are"} still hidden.`, `Next: ${write("rescue")}`);
  return lines.join("\n");
}

/** The sessions among `sessionIDs` that are no longer hidden, in whole or in part. */
function noLongerHidden(sessionIDs: readonly (string | null)[], { hidden, partlyShown }: HiddenList): string[] {
  const left = new Set([...hidden, ...partlyShown].map(({ sessionID }) => sessionID));
  return [...new Set(sessionIDs)].filter((id): id is string => id !== null && !left.has(id));
}
