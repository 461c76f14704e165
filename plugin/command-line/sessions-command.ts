import { isFileLocator } from "../model/artifact.ts";
import { type ConfirmedFinding, isFailingHere, isUnread, isUnreadRecord } from "../model/finding.ts";
import { bySession } from "../repair/by-session.ts";
import type { CheckResult } from "../repair/check.ts";
import type { Cause } from "../rescue/hidden.ts";
import { type HiddenList, listHidden } from "../rescue/rescue.ts";
import { unknownSession } from "../stores/conversation.ts";
import { STORAGE } from "../stores/json/layout.ts";
import { plural } from "../words/amounts.ts";
import { nextLine } from "../words/answers/check.ts";
import { LOOKING_FOR_SESSIONS } from "../words/answers/common.ts";
import { errorsOutside, type ListedSession, NOT_ALL_READ, sessionListLines } from "../words/answers/sessions.ts";
import { checkedStoreLine } from "../words/answers/stores.ts";
import { listAnswer } from "./answers.ts";
import type { Command } from "./arguments.ts";
import { checkWithProgress, withoutResult } from "./checking.ts";
import { answer, type CommandContext, commandHere, problem } from "./context.ts";
import { EXIT, type ExitStatus } from "./exit-status.ts";
import { type KnownSession, knownSessions, newestSessionsFirst } from "./known-sessions.ts";
import { matching, noSessionFor } from "./resolve-ids.ts";

/** The list shows at most this many sessions on a terminal. Users find the others by words of their titles. */
const MOST_ON_SCREEN = 40;

/** `sessions [WORDS]`: lists sessions, newest first, with their problems and whether opencode shows them. */
export async function sessionsCommand(
  context: CommandContext,
  { words }: Command & { name: "sessions" },
): Promise<ExitStatus> {
  const { terminal } = context;
  terminal.progress(LOOKING_FOR_SESSIONS);
  const list = await hiddenList(context);
  const known = await knownSessions(context);
  const found = newestSessionsFirst(matching([...known, ...elsewhere(known, list)], words));
  if (found.length === 0 && words.length > 0) {
    const { message, isUnread } = await noSessionFor(context, words);
    return problem(context, message, isUnread ? EXIT.findings : EXIT.usage);
  }
  const checked = await checkWithProgress(context, []);
  if (!checked.ok) return withoutResult(context, checked);
  const { result } = checked;
  const findings = bySession(result.findings, ({ sessionID }) => sessionID);
  const causes = new Map(list?.hidden.map(({ sessionID, cause }): [string, Cause] => [sessionID, cause]));
  const isRead = result.verdict !== "unusable" && result.verdict !== "unread";
  // A damaged store may have records that were not read, too.
  const isReadToEnd = isRead && !result.findings.some(isUnreadRecord);
  const ofStores = new Set(isRead ? known.map(({ id }) => id) : []);
  const unread = result.findings.filter((finding) => finding.sessionID === null && isUnreadWithin(finding));
  const isChecked = (session: KnownSession) =>
    ofStores.has(session.id) && !unread.some((finding) => mayBeOf(finding, session, result.stores));
  const sessions = found.map((session) => listed(session, findings.get(session.id) ?? [], causes, isChecked(session)));
  const shown = terminal.isScreen ? sessions.slice(0, MOST_ON_SCREEN) : sessions;
  const failing = sessions.filter(({ errors }) => errors > 0);
  const notShown = sessions.filter(({ cause }) => cause !== null && cause !== "archived");
  const outside = result.findings.filter((finding) => finding.sessionID === null && isFailingHere(finding)).length;
  const lines = [
    checkedStoreLine(result.stores),
    summary(sessions.length, failing.length, notShown.length, words),
    ...(isReadToEnd ? [] : [NOT_ALL_READ]),
    ...(outside > 0 ? [errorsOutside(outside)] : []),
    ...(shown.length > 0 ? ["", ...sessionListLines(shown, terminal)] : []),
  ];
  if (shown.length < sessions.length) {
    lines.push(`… and ${plural(sessions.length - shown.length, "older session")}: add words of a title to find one.`);
  }
  const isForCheck = !isRead || outside > 0;
  const next = isForCheck ? commandHere(context, "check") : nextOf(context, sessions, failing.length, notShown.length);
  if (next !== null) lines.push("", nextLine(next));
  answer(context, listAnswer({ sessions, verdict: result.verdict }), lines.join("\n"));
  return isReadToEnd ? EXIT.done : EXIT.findings;
}

/** The sessions that opencode does not show; `null` if there is no database or it cannot be read. */
async function hiddenList({ files, located, signal }: CommandContext): Promise<HiddenList | null> {
  if (located.databases.length === 0) return null;
  const input = { files, located, into: null, sessionIDs: [], signal };
  const listing = await listHidden(input, { bringIn: false, relink: false, unarchive: false }).catch(() => null);
  return listing?.ok === true ? listing.list : null;
}

/** Sessions that only a copy of the database or another store has. They are listed, but not checked. */
function elsewhere(known: readonly KnownSession[], list: HiddenList | null): KnownSession[] {
  const ids = new Set(known.map(({ id }) => id));
  const others = (list?.hidden ?? []).filter(({ sessionID }) => !ids.has(sessionID));
  return others.map(({ sessionID, title, directory, projectID, updatedMs }) => ({
    ...unknownSession(sessionID, projectID),
    ...{ title, directory, updatedMs },
  }));
}

/** Whether records of sessions were not read, or may not have been read to the end. */
function isUnreadWithin(finding: ConfirmedFinding): boolean {
  return isUnread(finding) || (finding.kind === "database" && finding.severity === "blocking");
}

/** Whether a problem that names no session may hide records of this session: both are in the same store. */
function mayBeOf(
  { locator, store }: ConfirmedFinding,
  { database }: KnownSession,
  stores: CheckResult["stores"],
): boolean {
  if (isFileLocator(locator) && locator.path.startsWith(`${STORAGE}/`)) return database === undefined;
  return stores[store]?.description.database === database;
}

function listed(
  session: KnownSession,
  findings: readonly ConfirmedFinding[],
  causes: ReadonlyMap<string, Cause>,
  isChecked: boolean,
): ListedSession {
  const { id, title, directory, parentID, createdMs, updatedMs, archivedMs, database } = session;
  const errors = findings.filter(isFailingHere).length;
  const warnings = findings.filter(({ severity }) => severity === "warning").length;
  const isWhole = isChecked && !findings.some(isUnread);
  const known = !isWhole ? "unchecked" : warnings > 0 ? "warnings" : "healthy";
  const state = errors > 0 ? "damaged" : known;
  const place = database === undefined ? {} : { database };
  const facts = { sessionID: id, title, directory, parentID, createdMs, updatedMs, isArchived: archivedMs !== null };
  return { ...facts, ...place, state, errors, warnings, cause: causes.get(id) ?? null };
}

function summary(count: number, failing: number, hidden: number, words: readonly string[]): string {
  const what = words.length === 0 ? plural(count, "session") : `${plural(count, "session")} with "${words.join(" ")}"`;
  const facts = [
    ...(failing > 0 ? [`${failing.toLocaleString("en-US")} with errors`] : []),
    ...(hidden > 0 ? [`${hidden.toLocaleString("en-US")} that opencode does not show`] : []),
  ];
  return `${what}${facts.length === 0 ? "" : `, ${facts.join(", ")}`}.`;
}

function nextOf(
  context: CommandContext,
  sessions: readonly ListedSession[],
  failing: number,
  hidden: number,
): string | null {
  const [only, another] = sessions;
  if (failing > 0) {
    const isOne = only !== undefined && another === undefined;
    return isOne ? commandHere(context, "repair", only.sessionID) : commandHere(context, "repair");
  }
  if (hidden > 0) return commandHere(context, "rescue");
  return only === undefined ? null : `${commandHere(context, "show", only.sessionID)} (prints the session)`;
}
