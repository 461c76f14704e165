import { type ShownSession, showSession } from "../show/show.ts";
import type { Hole } from "../show/transcript.ts";
import { plural } from "../words/amounts.ts";
import { STOPPED, WITHOUT_RECORD } from "../words/answers/common.ts";
import { laidOut } from "../words/answers/findings.ts";
import { headMarkdown, messageMarkdown } from "../words/answers/markdown.ts";
import { holeText, messageLines } from "../words/answers/transcript.ts";
import { TEXT_CHANGED } from "../words/long-texts.ts";
import { inOnePiece, printable } from "../words/text-layout.ts";
import { utcText } from "../words/times.ts";
import type { Command } from "./arguments.ts";
import { type CommandContext, noRoomMessage, problem, stopped } from "./context.ts";
import { EXIT, type ExitStatus } from "./exit-status.ts";
import { noSessionFor, resolveSession } from "./resolve-ids.ts";
import { showRun } from "./runs-command.ts";
import { documentPieces, holesOf, type Written } from "./session-document.ts";

/**
 * `show`: prints the readable text of a session in order, with its missing records marked, or the contents of a run.
 * Changes nothing.
 */
export async function showCommand(
  context: CommandContext,
  { words, markdown }: Command & { name: "show" },
): Promise<ExitStatus> {
  const { files, located, options, signal } = context;
  const [word = ""] = words;
  if (words.length === 1 && isRunBeginning(word) && !markdown) return showRun(context, word);
  const resolved = await resolveSession(context, words);
  if (!resolved.ok) return problem(context, resolved.message, resolved.isUnread === true ? EXIT.failed : EXIT.usage);
  const sessionID = resolved.value;
  const { concurrency } = options;
  // Markdown contains every record as a whole.
  const longInPieces = !markdown;
  const showing = await showSession({ files, located, sessionID, concurrency, signal, longInPieces });
  if (!showing.ok && showing.reason === "unread") {
    const message = "There is no session of opencode 1.x with this id. Sessions of opencode 2.x cannot be read here.";
    return problem(context, message, EXIT.refused);
  }
  if (!showing.ok && showing.reason === "no-room") {
    return problem(context, noRoomMessage(context, showing.evidence, "show", sessionID), EXIT.findings);
  }
  if (!showing.ok && showing.reason === "other-program") {
    return problem(
      context,
      "The database does not belong to opencode, so there are no sessions to show.",
      EXIT.refused,
    );
  }
  if (!showing.ok) {
    const { message } = await noSessionFor(context, [sessionID]);
    return problem(context, message, showing.reason === "unknown" ? EXIT.usage : EXIT.failed);
  }
  const { session } = showing;
  try {
    const print = options.json ? printDocument : markdown ? printMarkdown : printText;
    const holes = await print(context, session);
    if (holes === null) return stopped(context, STOPPED);
    if (holes === "cut") {
      context.terminal.complain(STOPPED);
      return EXIT.refused;
    }
    const copies = [session, ...(session.other === null ? [] : [session.other])];
    const isWhole = holes === 0 && copies.every((copy) => copy.recordFaults.length === 0 && copy.unread === null);
    return isWhole ? EXIT.done : EXIT.findings;
  } finally {
    session.close();
  }
}

/**
 * Prints the session as one JSON document. Returns the number of records that were not read as a whole. If the user
 * stopped the command, the result is `null` if nothing was printed, and `cut` if the beginning was printed.
 */
async function printDocument(
  { terminal, signal }: CommandContext,
  session: ShownSession,
): Promise<number | null | "cut"> {
  const written: Written = { isWhole: false, holes: 0, changed: 0 };
  const isBegun = await terminal.printPieces(documentPieces(session, signal, written), () => written.isWhole);
  if (!written.isWhole) return isBegun ? "cut" : null;
  if (written.changed > 0) terminal.complain(TEXT_CHANGED);
  return written.holes + written.changed;
}

/**
 * Prints the session as Markdown, message by message. Returns the number of unreadable records, or `null` if the user
 * stopped the command.
 */
async function printMarkdown(
  { terminal, signal }: Pick<CommandContext, "terminal" | "signal">,
  session: ShownSession,
): Promise<number | null> {
  terminal.printDocument(headMarkdown(session.facts).join("\n"));
  let holes = 0;
  for await (const message of session.messages()) {
    terminal.printDocument(messageMarkdown(message).join("\n"));
    holes += holesOf(message).length;
  }
  if (signal.aborted) return null;
  if (session.other === null) return holes;
  terminal.printDocument("# The copy of opencode 2.x\n");
  const others = await printMarkdown({ terminal, signal }, session.other);
  return others === null ? null : holes + others;
}

/** The beginning of a run's id is a date. No session title begins with a date of that form. */
function isRunBeginning(word: string): boolean {
  return /^\d{8}(T|$)/.test(word);
}

/**
 * Prints the session as text, message by message. Returns the number of records that were not read as a whole, or `null`
 * if the user stopped the command.
 */
async function printText(context: CommandContext, session: ShownSession): Promise<number | null> {
  const { terminal } = context;
  terminal.print(headLines(context, session).join("\n"));
  const holes: Hole[] = [];
  let [count, changed] = [0, 0];
  const onChanged = () => {
    changed += 1;
  };
  for await (const message of session.messages()) {
    await terminal.printAll(messageLines(message, terminal.width, terminal.style, onChanged));
    holes.push(...holesOf(message));
    count += 1;
  }
  if (context.signal.aborted) return null;
  terminal.print(footLines(context, session, count, holes).join("\n"));
  if (changed > 0) terminal.print(terminal.style("yellow", `  ${TEXT_CHANGED}`));
  const incomplete = holes.length + changed;
  if (session.other === null) return incomplete;
  terminal.print("\nThe copy of opencode 2.x:\n");
  const others = await printText(context, session.other);
  return others === null ? null : incomplete + others;
}

function headLines({ terminal }: CommandContext, { facts, store, recordFaults, copy }: ShownSession): string[] {
  const { id, title, directory, version, createdMs, updatedMs, parentID } = facts;
  const name = title === null ? `A session ${WITHOUT_RECORD}` : printable(title).replaceAll("\n", " ");
  const place = store.database === undefined ? "JSON storage" : `database ${store.database.replace(/^.*[\\/]/, "")}`;
  const times = [utcText(createdMs), utcText(updatedMs)].filter((time) => time !== null).join(" – ");
  const whose = copy === "2.x" ? "the copy of opencode 2.x" : null;
  const folder = directory === null ? null : inOnePiece(directory);
  const details = [folder, version === null ? null : `opencode ${version}`, place, whose, times];
  return [
    terminal.style("bold", name),
    ...laidOut([id, ...details.filter((each) => each !== null && each !== "")].join(" · "), { terminal }, "").map(
      (line) => terminal.style("dim", line),
    ),
    ...(parentID === null ? [] : [terminal.style("dim", `child of ${parentID}`)]),
    ...recordFaults.map(({ code, evidence }) =>
      terminal.style("red", `▒▒ the session's own record: ${code} (${evidence})`),
    ),
    "",
  ];
}

function footLines(
  { terminal }: CommandContext,
  { quarantined, unread }: ShownSession,
  count: number,
  holes: readonly Hole[],
): string[] {
  const lines = [`${plural(count, "message")}, ${plural(holes.length, "hole")}.`];
  if (unread !== null) lines.push(terminal.style("yellow", `  ${unread}`));
  for (const hole of holes) lines.push(terminal.style("red", `  ${holeText(hole)}`));
  const marked = new Set(holes.map(({ recordID }) => recordID));
  for (const { runID, kind, recordID, bytes, isHealthy } of quarantined) {
    if (isHealthy || (recordID !== null && marked.has(recordID))) continue;
    const record = `${kind} ${recordID ?? ""}, ${plural(bytes, "byte")}`;
    lines.push(terminal.style("yellow", `  ${record}, is in quarantine (run ${runID})`));
  }
  return lines;
}
