import { NO_ROOM_FOR_COPY } from "../../faults/access.ts";
import { adviceFor } from "../../faults/catalogue.ts";
import { DATABASE_UNAVAILABLE } from "../../faults/container.ts";
import { NOT_IMPORTED } from "../../faults/whereabouts.ts";
import { locatorText } from "../../model/artifact.ts";
import { type ConfirmedFinding, type Finding, isNotShown, isOnScreen, isUnread } from "../../model/finding.ts";
import type { CheckResult } from "../../repair/check.ts";
import { isRepairable } from "../../repair/plan.ts";
import type { ReportedItem } from "../../repair/reported-item.ts";
import { countsText, plural } from "../amounts.ts";
import { originsSentence } from "../origins.ts";
import { actionWord, REVERSIBLE, recordWords, toDoWords } from "../records.ts";
import { QUARANTINE_IS_NO_FOLDER } from "../refusals.ts";
import { NOTHING_FOUND_IN_READ, WHAT_TO_DO } from "./common.ts";
import { findingLines, laidOut, type View } from "./findings.ts";
import { notFoundText } from "./no-session.ts";
import type { CommandWriter } from "./screen.ts";
import { checkedStoreLine } from "./stores.ts";
import { systemSentence } from "./system.ts";

/** For a database that both 1.x and 2.x use: the counts of the records that were read for 2.x. */
function countsText2x({ stores }: CheckResult): string {
  const halves = stores.flatMap(({ origin, of2x }) => (origin?.kind === "2.x" || of2x === undefined ? [] : [of2x]));
  if (halves.length === 0) return "";
  const sum = (of: "sessions" | "messages") => halves.reduce((total, half) => total + half[of], 0);
  return `, and of opencode 2.x ${plural(sum("sessions"), "session")}, ${plural(sum("messages"), "message")}`;
}

/** The reasons why a repair cannot save the original records, so no repair is possible now. */
const OBSTACLES = {
  "quarantine-is-no-folder": QUARANTINE_IS_NO_FOLDER,
  "not-writable": "you cannot write to the data directory",
} as const;

export type Obstacle = keyof typeof OBSTACLES;

/** How the answer of a check is shown, and whether a repair is possible now. */
export interface CheckView extends View {
  readonly command: CommandWriter;
  /** The sessions that the user named; empty for all. */
  readonly sessionIDs: readonly string[];
  /** The reason why a repair is impossible now; `null` if it is possible. */
  readonly obstacle: Obstacle | null;
  /** The places of records that a repair has just tried to change. */
  readonly tried?: ReadonlySet<string>;
}

/** Whether a finding only means that a database cannot be reached now, not that its records are damaged. */
export function isUnreached({ code, severity }: Finding): boolean {
  return severity !== "blocking" && (code === DATABASE_UNAVAILABLE.code || code === NO_ROOM_FOR_COPY.code);
}

/** The answer of `check` for people: the store, the problems by session and cause, and one next step. */
export function checkText(result: CheckResult, view: CheckView): string {
  const { terminal } = view;
  const lines = [
    ...laidOut(checkedStoreLine(result.stores), view, ""),
    ...laidOut(
      `Checked ${countsText(result.counts)}${countsText2x(result)} in ${(result.durationMs / 1000).toFixed(1)} s.`,
      view,
      "",
    ),
  ];
  if (result.notFound.length > 0) lines.push(...laidOut(notFoundText(result.notFound), view, ""));
  const blocking = result.findings.filter((finding) => finding.severity === "blocking");
  const unreached = result.findings.filter(isUnreached);
  const others = result.findings.filter(
    (finding) => finding.severity !== "blocking" && finding.hosts === undefined && !isUnreached(finding),
  );
  const onScreen = result.findings.filter(isOnScreen);
  const elsewhere = result.findings.filter(
    (finding) => finding.severity !== "blocking" && finding.hosts !== undefined && !isOnScreen(finding),
  );
  const section = (style: "red" | "yellow", heading: string, findings: readonly ConfirmedFinding[]) => {
    if (findings.length === 0) return;
    const [first = "", ...more] = laidOut(heading, view, "");
    lines.push("", ...[first, ...more].map((line) => terminal.style(style, line)));
    lines.push(...findingLines(findings, view));
  };
  section("red", `${plural(blocking.length, "error")}: opencode cannot load what is listed here.`, blocking);
  section(
    "yellow",
    `${plural(elsewhere.length, "warning")}: opencode ${hostsOf(elsewhere)} cannot load what is listed here.`,
    elsewhere,
  );
  const repairable = codesOf(elsewhere.filter(isRepairable));
  if (repairable.length > 0) lines.push(`  If you use such a version: ${view.command("repair", ...repairable)}`);
  section(
    "yellow",
    `${plural(onScreen.length, "warning")}: the terminal UI of opencode ${hostsOf(onScreen)} closes when it shows these records.`,
    onScreen,
  );
  if (onScreen.length > 0) {
    lines.push(`  Upgrade to opencode 1.17 or newer, or: ${view.command("repair", ...codesOf(onScreen))}`);
  }
  section("yellow", `${plural(unreached.length, "problem")} outside the records:`, unreached);
  const unshown = others.filter(isNotShown);
  const unread = others.filter((finding) => !isNotShown(finding) && isUnread(finding));
  const loaded = others.filter((finding) => !isNotShown(finding) && !isUnread(finding));
  section("yellow", `${notesText(unshown)}: opencode does not show what is named here.`, unshown);
  section("yellow", `${notesText(unread)} (these could not be read):`, unread);
  section("yellow", `${notesText(loaded)} (opencode loads these):`, loaded);
  const onceNamed = codesOf(others.filter(isRepairable));
  if (onceNamed.length > 0) {
    lines.push(`  If you want these repaired: ${view.command("repair", ...view.sessionIDs, ...onceNamed)}`);
  }
  const advice = adviceLines(result, result.findings, view);
  const system = systemSentence(result.stores);
  if (system !== null) lines.push("", ...laidOut(system, view, ""));
  lines.push(...advice, "", ...closingLines(result, blocking, advice.length > 0, view));
  return lines.join("\n");
}

/** Counts warnings and notes, such as `2 warnings and 1 note`. */
function notesText(findings: readonly ConfirmedFinding[]): string {
  const warnings = findings.filter(({ severity }) => severity === "warning").length;
  const notes = findings.length - warnings;
  const words = [...(warnings > 0 ? [plural(warnings, "warning")] : []), ...(notes > 0 ? [plural(notes, "note")] : [])];
  return words.join(" and ");
}

/** The versions of opencode that fail on at least one of these records. */
function hostsOf(findings: readonly ConfirmedFinding[]): string {
  return [...new Set(findings.flatMap((finding) => finding.hosts ?? []))].join(", ");
}

/**
 * The codes of these problems as options, such as `--only CODE`. `repair` needs them, because it changes the record of
 * a warning only if the user names the code.
 */
function codesOf(findings: readonly ConfirmedFinding[]): string[] {
  return [...new Set(findings.map(({ code }) => code))].flatMap((code) => ["--only", code]);
}

/** The advice about problems that `repair` cannot fix, one paragraph for each code. */
function adviceLines(result: CheckResult, findings: readonly ConfirmedFinding[], view: CheckView): string[] {
  const advice = Object.entries(adviceOf(result, findings));
  if (advice.length === 0) return [];
  const lines = advice.flatMap(([code, text]) => laidOut(`${code}: ${text}`, view, "  "));
  return ["", view.terminal.style("bold", WHAT_TO_DO), ...lines];
}

function adviceOf({ stores }: CheckResult, findings: readonly ConfirmedFinding[]): Readonly<Record<string, string>> {
  const hasDatabase = stores.some(({ description }) => description.database !== undefined);
  return adviceFor(findings, hasDatabase);
}

/** Whether one of these errors has the advice to build a new database. Then the next step is `salvage`. */
function isForSalvage(result: CheckResult, blocking: readonly ConfirmedFinding[]): boolean {
  return Object.values(adviceOf(result, blocking)).some((text) => text.includes(" salvage --swap`"));
}

/** States the result, and the one thing to do next. */
function closingLines(
  result: CheckResult,
  blocking: readonly ConfirmedFinding[],
  isAdvised: boolean,
  view: CheckView,
): string[] {
  const { obstacle, tried, terminal, command } = view;
  const said = (text: string) => laidOut(text, view, "");
  const isUnreachable = result.findings.some(isUnreached);
  if (result.verdict === "healthy" && isUnreachable) {
    return said("No damage was found in the records. opencode cannot open the database at the moment.");
  }
  if (result.verdict === "unusable" && isUnreachable && blocking.length === 0)
    return said("One database was not read, so its records were not checked.");
  if (result.verdict === "healthy" && result.findings.some(isOnScreen)) {
    return said(
      "The server of opencode can load everything here. The terminal UI closes when it shows the sessions that are named above.",
    );
  }
  if (result.verdict === "healthy" && result.findings.some(isFailedBy2x)) {
    return said("No error was found. The problems that opencode 2.x has with these records are named above.");
  }
  if (result.verdict === "healthy" && result.findings.some(({ hosts }) => hosts !== undefined)) {
    return said(
      "Healthy for the opencode that wrote the newest session. Other versions have the problems that are named above.",
    );
  }
  if (result.verdict === "healthy" && result.findings.some(({ code }) => code === NOT_IMPORTED.code)) {
    return said(
      "opencode can load everything in its database. opencode does not show the sessions that are only in storage/.",
    );
  }
  if (result.verdict === "healthy" && result.findings.some(isNotShown)) {
    return said(
      "opencode can load the records that it finds. opencode does not show the records that are named above.",
    );
  }
  if (result.verdict === "healthy" && result.findings.some(isUnread)) return said(NOTHING_FOUND_IN_READ);
  if (result.verdict === "healthy") {
    const where = systemSentence(result.stores) === null ? "" : " on the system that wrote it";
    return said(`Healthy: opencode can load everything here${where}.`).map((line) => terminal.style("green", line));
  }
  if (result.verdict === "unread") {
    return said(`${NOTHING_FOUND_IN_READ} ${originsSentence(result.stores) ?? ""}`.trimEnd());
  }
  const repairable = blocking.filter(isRepairable);
  const untried = repairable.filter(({ locator }) => tried?.has(locatorText(locator)) !== true);
  const failed = repairable.length - untried.length;
  const lines: string[] = [];
  if (failed > 0) {
    lines.push(
      ...said(
        `${plural(failed, "record")} could not be repaired now. Remove the reason that is named above, then try again.`,
      ),
    );
  }
  if (untried.length > 0) {
    const words = toDoWords(untried);
    lines.push(
      ...said(
        obstacle === null
          ? `\`repair\` would ${words}. ${REVERSIBLE}`
          : `\`repair\` would ${words}, but ${OBSTACLES[obstacle]}.`,
      ),
    );
  }
  if (repairable.length > 0)
    return obstacle === null ? [...lines, nextLine(command("repair", ...view.sessionIDs))] : lines;
  const cannot = `\`repair\` cannot fix ${blocking.length === 1 ? "this" : "these"}.`;
  if (isAdvised) {
    const next = isForSalvage(result, blocking) ? [nextLine(command("salvage", "--swap"))] : [];
    return [...lines, ...said(`${cannot} See "What to do" above.`), ...next];
  }
  return [...lines, ...said(cannot), nextLine(`${command("report")} (collects the facts for an issue)`)];
}

/** A warning about a row on which a part of opencode 2.x fails. */
function isFailedBy2x({ hosts, stops = [] }: ConfirmedFinding): boolean {
  return hosts !== undefined && stops.length > 0;
}

/** The next step, always in the same words and on its own line. */
export function nextLine(step: string): string {
  return `Next: ${step}`;
}

export function itemLine(item: ReportedItem): string {
  const reason = item.reason === undefined ? "" : `: ${item.reason}`;
  return `  ${actionWord(item)} ${recordWords(item)} (${item.code})${reason}`;
}
