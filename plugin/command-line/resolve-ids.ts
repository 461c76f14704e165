import { isRunID } from "../quarantine/run-id.ts";
import { allRuns, isNoQuarantine, type RunSummary, runIDOf } from "../quarantine/runs.ts";
import { plural } from "../words/amounts.ts";
import { QUARANTINE_EMPTY } from "../words/answers/common.ts";
import { isWholeSessionID, noSessionText } from "../words/answers/no-session.ts";
import { NO_SUCH_RUN, RENAME_QUARANTINE } from "../words/refusals.ts";
import type { CommandContext } from "./context.ts";
import { type KnownSession, knownSessions, type ReadableStores, readableStores } from "./known-sessions.ts";
import { didYouMean } from "./suggest.ts";

/**
 * The session or run that the typed words name, or a message if they name none or several. `isUnread`: it may be in a
 * store that cannot be read.
 */
export type Resolved<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly message: string; readonly isUnread?: boolean };

/** A message names at most this many ids. More ids are counted. */
const MOST_NAMED = 5;

/** `A, B and 3 more`. */
function named(ids: readonly string[]): string {
  const more = ids.length - MOST_NAMED;
  return `${ids.slice(0, MOST_NAMED).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

/**
 * Ids of sessions from typed words. Each word is an id, or the beginning of exactly one id. A word that begins no known
 * id is returned unchanged, and the code that reads the session reports that the id does not exist. `known` are the ids
 * of all sessions that the command can use.
 */
export function resolveAmong(words: readonly string[], known: readonly string[]): Resolved<readonly string[]> {
  const ids: string[] = [];
  for (const word of words) {
    const begun = known.includes(word) ? [word] : known.filter((id) => id.startsWith(word));
    if (begun.length > 1) {
      return {
        ok: false,
        message: `${plural(begun.length, "session")} begin with "${word}": ${named(begun)}. ${sessionsListed(word)}`,
      };
    }
    ids.push(begun[0] ?? word);
  }
  return { ok: true, value: [...new Set(ids)] };
}

/**
 * Finds ids with {@link resolveAmong} in the stores of this data directory. The stores are opened only if a word may be
 * the beginning of an id.
 */
export async function resolveSessionsHere(
  context: Pick<CommandContext, "files" | "located">,
  words: readonly string[],
): Promise<Resolved<readonly string[]>> {
  if (words.every(isWholeSessionID)) return { ok: true, value: words };
  return resolveAmong(
    words,
    (await knownSessions(context)).map(({ id }) => id),
  );
}

/** The next step after words that several sessions match. */
function sessionsListed(asked: string): string {
  return `\`opencode-session-repair sessions ${asked}\` lists them with their titles.`;
}

/** The one session that an id, its beginning, or words of its title name. */
export async function resolveSession(
  context: Pick<CommandContext, "files" | "located">,
  words: readonly string[],
): Promise<Resolved<string>> {
  const [first = ""] = words;
  if (words.length === 1 && isWholeSessionID(first)) return { ok: true, value: first };
  const known = await knownSessions(context);
  const isNamed = words.length === 1 && known.some(({ id }) => id === first);
  const found = isNamed ? [first] : matching(known, words).map(({ id }) => id);
  if (found.length === 1) return { ok: true, value: found[0] ?? "" };
  if (found.length > 1) {
    const asked = words.join(" ");
    return {
      ok: false,
      message: `${plural(found.length, "session")} match "${asked}": ${named(found)}. ${sessionsListed(asked)}`,
    };
  }
  if (words.length === 1 && first.startsWith("ses_")) return { ok: true, value: first };
  return noSessionFor(context, words);
}

/**
 * The answer to words that name no session of this data directory, or of the stores `read`. `isUnread`: the session may
 * be in a store that cannot be read.
 */
export async function noSessionFor(
  context: Pick<CommandContext, "files" | "located">,
  words: readonly string[],
  read: ReadableStores | null = null,
): Promise<{ readonly ok: false; readonly message: string; readonly isUnread: boolean }> {
  const { files, located } = context;
  const found = read ?? (await readableStores(context));
  const [first = ""] = words;
  const known = await knownSessions(context).catch(() => []);
  const runs = await allRuns(files, located.dataDir).catch(() => []);
  const message = noSessionText({
    words,
    ...found,
    isInQuarantine: runs.some((run) => run.ok && words.length === 1 && run.state.sessionID === first),
    similar: didYouMean(
      words.length === 1 ? first : "",
      known.map(({ id }) => id),
    ),
  });
  return { ok: false, message, isUnread: found.unread.length > 0 };
}

/** The sessions whose id begins with the word, or whose title has every word. Without words, all sessions match. */
export function matching(sessions: readonly KnownSession[], words: readonly string[]): KnownSession[] {
  const wanted = words.map((word) => word.toLowerCase());
  const [first = ""] = wanted;
  return sessions.filter(({ id, title }) => {
    if (wanted.length === 1 && first.length > 2 && id.toLowerCase().startsWith(first)) return true;
    const text = `${title ?? ""} ${id}`.toLowerCase();
    return wanted.every((word) => text.includes(word));
  });
}

/**
 * The run that the user means by a word: a run's id, the beginning of an id, its last eight characters, or `last`. For
 * `undoable`, `last` means the newest run that can still be undone, at least in part.
 */
export async function resolveRun(
  { files, located }: Pick<CommandContext, "files" | "located">,
  word: string,
  last: "newest" | "undoable",
): Promise<Resolved<string>> {
  if (await isNoQuarantine(files, located.dataDir)) return { ok: false, message: RENAME_QUARANTINE };
  const runs = await allRuns(files, located.dataDir);
  if (word === "last") {
    const found = runs.find((run) => last === "newest" || isUndoable(run));
    if (found !== undefined) return { ok: true, value: runIDOf(found) };
    return { ok: false, message: last === "newest" ? QUARANTINE_EMPTY : "There is no run to undo." };
  }
  const known = [...new Set(runs.map(runIDOf))];
  const found = known.includes(word)
    ? [word]
    : known.filter((id) => id.startsWith(word) || (!isRunID(word) && id.endsWith(`-${word}`)));
  if (found.length === 1) return { ok: true, value: found[0] ?? "" };
  if (found.length > 1) {
    return { ok: false, message: `${plural(found.length, "run")} begin with "${word}": ${named(found)}.` };
  }
  return { ok: false, message: `${NO_SUCH_RUN}${didYouMean(word, known)}` };
}

export function isUndoable(run: RunSummary): boolean {
  return run.ok && run.state.byState.done !== undefined;
}
