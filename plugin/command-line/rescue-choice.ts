import { resolve } from "node:path";
import { isFolderHere, THIS_SYSTEM, withoutLastSlash } from "../hosts/folder-paths.ts";
import { namedBy, type RescueChoice, recordRepair } from "../rescue/choices.ts";
import type { RescueRequest } from "../rescue/request.ts";
import { plural, themOrIt } from "../words/amounts.ts";
import { whereIsNow } from "../words/answers/rescue.ts";
import type { CommandWriter } from "../words/answers/screen.ts";
import { clipped, columns, printable } from "../words/text-layout.ts";
import { minuteText } from "../words/times.ts";
import type { Terminal } from "./terminal.ts";

/** A part of the user's choice: the request that rescues these sessions. */
export interface Chosen {
  readonly sessionIDs: readonly string[];
  readonly request: RescueRequest;
}

/** A request for every kind of rescue. Each chosen session gets the kind that it needs. */
const EVERYTHING: RescueRequest = { bringIn: true, bringInPutAside: true, relink: true, unarchive: true };

/** The list shows at most this many sessions. Users find the others with `sessions WORDS`, and name their ids. */
const MOST_LISTED = 20;

type Screen = Pick<Terminal, "width" | "style" | "ellipsis">;

/**
 * The numbered list to choose from, with two lines for each session. The first line has the date and the title. The
 * second line has the number of messages, the reason, the new place and the old folder. A pure function.
 */
export function choiceLines(choices: readonly RescueChoice[], screen: Screen): string[] {
  const digits = String(Math.min(choices.length, MOST_LISTED)).length;
  const lines = choices.slice(0, MOST_LISTED).flatMap((choice, index) => {
    const { sessionID, title, updatedMs, messages, directory, why } = choice;
    const number = `${String(index + 1).padStart(digits)}  `;
    const date = updatedMs === null ? "" : `${minuteText(updatedMs)}  `;
    const name = title === null || title === "" ? sessionID : title;
    const indent = " ".repeat(number.length);
    const count = messages === null ? [] : [plural(messages, "message")];
    // The folder is the longest fact. It comes last, so that it is the first to be cut off.
    const facts = [...count, why, ...(directory === null ? [] : [printable(directory)])].join(" · ");
    return [
      `${number}${date}${screen.style("bold", clipped(name, screen.width - number.length - columns(date), screen.ellipsis))}`,
      `${indent}${screen.style("dim", clipped(facts, screen.width - indent.length, screen.ellipsis))}`,
    ];
  });
  const more = choices.length - MOST_LISTED;
  return more > 0
    ? [...lines, `… and ${more.toLocaleString("en-US")} older: \`rescue --session ID\` rescues one of them.`]
    : lines;
}

/** The numbers in an answer such as `y`, `1, 3-5` or `all`; `null` if it contains a number that is not listed. */
export function chosenNumbers(answer: string, choices: readonly RescueChoice[]): readonly number[] | null {
  const words = answer.trim().toLowerCase();
  const count = choices.length;
  if (/^n?o?$/.test(words)) return [];
  if (/^y(es)?$/.test(words)) return choices.flatMap(({ isSuggested }, index) => (isSuggested ? [index + 1] : []));
  if (words === "all") return choices.map((_, index) => index + 1);
  const numbers = new Set<number>();
  for (const word of words.split(/[\s,]+/).filter(Boolean)) {
    const [, first, last] = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(word) ?? [];
    if (first === undefined) return null;
    const [from, to] = [Number(first), Number(last ?? first)];
    if (from < 1 || to > count || from > to) return null;
    for (let number = from; number <= to; number += 1) numbers.add(number);
  }
  return [...numbers];
}

/** Shows the list and asks. `write` writes the commands for later steps. Returns `null` if the user chose nothing. */
export async function chooseSessions(
  choices: readonly RescueChoice[],
  terminal: Terminal,
  write: CommandWriter,
): Promise<readonly Chosen[] | null> {
  terminal.print(["", ...choiceLines(choices, terminal), ""].join("\n"));
  const listed = choices.slice(0, MOST_LISTED);
  const numbers = await askNumbers(listed, terminal);
  if (numbers === null || numbers.length === 0) return null;
  const picked = numbers.flatMap((number) => listed[number - 1] ?? []);
  const certain = namedBy(picked.filter(({ action }) => action.kind === "certain"));
  const chosen: Chosen[] = certain.length === 0 ? [] : [{ sessionIDs: certain, request: EVERYTHING }];
  const bare = picked.flatMap(({ action }) => (action.kind === "repair" ? [action.sessionID] : []));
  if (bare.length > 0) terminal.print(missingRecordLines(bare, write).join("\n"));
  for (const [from, own] of byFolder(picked)) {
    const to = await askFolder(from, own, terminal);
    if (to === null) continue;
    const request = { bringIn: false, relink: { from, to }, unarchive: false };
    chosen.push({ sessionIDs: own.map(({ sessionID }) => sessionID), request });
  }
  return chosen.length === 0 ? null : chosen;
}

/** The answer about sessions whose own record is missing: a repair rebuilds that record. */
export function missingRecordLines(sessionIDs: readonly string[], write: CommandWriter): string[] {
  const count = new Set(sessionIDs).size;
  return [
    `The ${count === 1 ? "record of 1 session is" : `records of ${plural(count, "session")} are`} missing. To rebuild ${themOrIt(count)}:`,
    `  ${write(...recordRepair(sessionIDs))}`,
  ];
}

async function askNumbers(choices: readonly RescueChoice[], terminal: Terminal): Promise<readonly number[] | null> {
  const suggested = choices.filter(({ isSuggested }) => isSuggested).length;
  const question =
    suggested === 0
      ? "Choose by number, such as 1,3-5 (Enter: none):"
      : `Rescue ${suggested === choices.length ? "all of them" : plural(suggested, "session")}? [y/N], or choose by number, such as 1,3-5:`;
  while (true) {
    const answer = await terminal.askLine(question);
    if (answer === null) return null;
    const numbers = chosenNumbers(answer, choices);
    if (numbers !== null) return numbers;
    terminal.say(`Type y, n, or numbers from 1 to ${choices.length}, such as 1,3-5.`);
  }
}

/** Sessions of the same missing folder get the same new place. */
function byFolder(picked: readonly RescueChoice[]): ReadonlyMap<string, readonly RescueChoice[]> {
  const folders = new Map<string, RescueChoice[]>();
  for (const choice of picked) {
    if (choice.action.kind !== "folder") continue;
    const { from } = choice.action;
    folders.set(from, [...(folders.get(from) ?? []), choice]);
  }
  return folders;
}

/**
 * Asks where a missing folder is now. The user types the number of a suggestion, or a full path. Returns `null` if the
 * user gives no answer.
 */
async function askFolder(from: string, [first]: readonly RescueChoice[], terminal: Terminal): Promise<string | null> {
  const candidates = first?.action.kind === "folder" ? first.action.candidates : [];
  terminal.print(
    ["", whereIsNow(from), ...candidates.map((folder, index) => `  ${index + 1}  ${printable(folder)}`)].join("\n"),
  );
  const numbers = candidates.length === 0 ? "" : "A number, or a";
  while (true) {
    const answer = (
      await terminal.askLine(
        `${numbers === "" ? "A" : numbers} full path ("." for this folder), or Enter to change nothing:`,
      )
    )?.trim();
    if (answer === undefined || answer === "") return null;
    const candidate = /^\d{1,3}$/.test(answer) ? candidates[Number(answer) - 1] : undefined;
    if (candidate !== undefined) return candidate;
    const folder = /^\.\.?($|[\\/])/.test(answer) ? resolve(answer) : answer;
    if (isFolderHere(folder)) return withoutLastSlash(folder);
    terminal.say(`Type the full path, which begins with ${THIS_SYSTEM === "windows" ? "a drive, such as C:\\" : "/"}.`);
  }
}
