import { join } from "node:path";
import { ACCESS_DENIED, NO_ROOM_FOR_COPY, READ_ONLY_FILE_SYSTEM } from "../faults/access.ts";
import { adviceFor, faultByCode } from "../faults/catalogue.ts";
import { DATABASE_UNAVAILABLE } from "../faults/container.ts";
import { locatorText } from "../model/artifact.ts";
import { type ConfirmedFinding, type Finding, isOnScreen } from "../model/finding.ts";
import { mayWriteIn, mendingCommand } from "../platform/permissions.ts";
import { entryNow } from "../platform/read-now.ts";
import { quarantinePath } from "../quarantine/places.ts";
import type { ReportedItem } from "../repair/apply.ts";
import type { CheckResult } from "../repair/check.ts";
import { originsSentence } from "../repair/origin-words.ts";
import { isMendable } from "../repair/plan.ts";
import { systemSentence } from "../repair/system-words.ts";
import { plural, sizeText, toDoWords } from "../repair/words.ts";
import type { Counts } from "../stores/store.ts";
import { isDatabase } from "./answers.ts";
import type { CommandContext } from "./context.ts";
import type { Terminal } from "./terminal.ts";

export function countsText(counts: Readonly<Counts>): string {
  const { sessions, messages, parts, bytes } = counts;
  return `${plural(sessions, "session")}, ${plural(messages, "message")}, ${plural(parts, "part")} (${sizeText(bytes)})`;
}

/** Of a database that 1.x and 2.x use both: what was read of the half of 2.x. */
function countsText2x({ stores }: CheckResult): string {
  const halves = stores.flatMap(({ origin, of2x }) => (origin?.kind === "2.x" || of2x === undefined ? [] : [of2x]));
  if (halves.length === 0) return "";
  const sum = (of: "sessions" | "messages") => halves.reduce((total, half) => total + half[of], 0);
  return `, and of opencode 2.x ${plural(sum("sessions"), "session")}, ${plural(sum("messages"), "message")}`;
}

/** The findings of one severity, grouped by session, as lines. */
export function findingLines(
  findings: readonly Finding[],
  terminal: Terminal,
  dataDir: string | null = null,
): string[] {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    const name = finding.sessionID ?? (finding.kind === "database" ? "the database" : "no session");
    groups.set(name, [...(groups.get(name) ?? []), finding]);
  }
  const lines: string[] = [];
  for (const [name, own] of groups) {
    lines.push(`  ${terminal.style("bold", name)}`);
    for (const finding of own) {
      lines.push(`    ${findingText(finding)}`);
      const command = dataDir === null ? null : commandFor(finding, dataDir);
      if (command !== null) lines.push(`      To correct this: ${command}`);
    }
  }
  return lines;
}

/** What lets this user read and write a file; only for the screen in front of it, since it names a path. */
export function commandFor({ code, locator }: Finding, dataDir: string): string | null {
  return code === ACCESS_DENIED.code && "path" in locator ? mendingCommand(join(dataDir, locator.path)) : null;
}

function findingText(finding: Finding): string {
  const title = faultByCode(finding.code)?.title ?? finding.code;
  const { code, locator, evidence } = finding;
  if (code === READ_ONLY_FILE_SYSTEM.code) return `${title} [${code}: ${evidence}]`;
  if (code === ACCESS_DENIED.code && "path" in locator) return `${locator.path}: ${title} [${code}: ${evidence}]`;
  const subject = [finding.kind, finding.recordID].filter((each) => each !== null && each !== "database").join(" ");
  const column = "column" in finding.locator ? ` (${finding.locator.column})` : "";
  return `${subject}${column} ${title} [${finding.code}: ${finding.evidence}]`.trimStart();
}

/** What else decides about what `repair` would do now. */
export interface NextStep {
  /** Why no repair can do anything now, as {@link obstacle} says it. */
  readonly obstacle: string | null;
  /** Locators of what a repair has just tried to repair. */
  readonly tried?: ReadonlySet<string>;
}

/** Why no repair can keep an original now; `null` where nothing is in its way. */
export async function obstacle({ located }: Pick<CommandContext, "located">): Promise<string | null> {
  const { dataDir } = located;
  const quarantine = entryNow(quarantinePath(dataDir));
  if (quarantine !== null && !quarantine.isDirectory()) return '"quarantine" in the data directory is not a folder';
  for (const folder of [dataDir, ...(quarantine === null ? [] : [quarantinePath(dataDir)])]) {
    if (!mayWriteIn(folder)) return "you may not write to the data directory";
  }
  return null;
}

/** Whether a finding says that a database cannot be reached now, and nothing of its records. */
export function isUnreached({ code, severity }: Finding): boolean {
  return severity !== "blocking" && (code === DATABASE_UNAVAILABLE.code || code === NO_ROOM_FOR_COPY.code);
}

/** The answer of `check` for people. */
export function checkText(result: CheckResult, terminal: Terminal, next: NextStep): string {
  const lines = [
    `Checked ${countsText(result.counts)}${countsText2x(result)} in ${(result.durationMs / 1000).toFixed(1)} s.`,
  ];
  const blocking = result.findings.filter((finding) => finding.severity === "blocking");
  const unreached = result.findings.filter(isUnreached);
  const others = result.findings.filter(
    (finding) => finding.severity !== "blocking" && finding.hosts === undefined && !isUnreached(finding),
  );
  const onScreen = result.findings.filter(isOnScreen);
  const elsewhere = result.findings.filter(
    (finding) => finding.severity !== "blocking" && finding.hosts !== undefined && !isOnScreen(finding),
  );
  if (blocking.length > 0) {
    lines.push("", terminal.style("red", `${plural(blocking.length, "fault")} that opencode cannot get past:`));
    lines.push(...findingLines(blocking, terminal, result.dataDir));
  }
  if (elsewhere.length > 0) lines.push("", ...elsewhereLines(elsewhere, terminal, result.dataDir));
  if (onScreen.length > 0) lines.push("", ...onScreenLines(onScreen, terminal, result.dataDir));
  if (unreached.length > 0) {
    lines.push("", terminal.style("yellow", `${plural(unreached.length, "problem")} outside the records:`));
    lines.push(...findingLines(unreached, terminal, result.dataDir));
  }
  if (others.length > 0) {
    lines.push("", terminal.style("yellow", `${plural(others.length, "remark")} (opencode loads these):`));
    lines.push(...findingLines(others, terminal, result.dataDir));
  }
  const advice = adviceLines(result, result.findings, terminal);
  const system = systemSentence(result.stores);
  if (system !== null) lines.push("", system);
  lines.push(...advice, "", closingLine(result, blocking, advice.length > 0, next, terminal));
  return lines.join("\n");
}

/** What only some of the versions that may load the store fail on. `repair` does nothing about it unless it is named. */
function elsewhereLines(
  findings: readonly ConfirmedFinding[],
  terminal: Terminal,
  dataDir: CheckResult["dataDir"],
): string[] {
  const hosts = [...new Set(findings.flatMap((finding) => finding.hosts ?? []))].join(", ");
  const mendable = [...new Set(findings.filter(isMendable).map(({ code }) => `--only ${code}`))].join(" ");
  return [
    terminal.style("yellow", `${plural(findings.length, "problem")} that opencode ${hosts} cannot load:`),
    ...findingLines(findings, terminal, dataDir),
    ...(mendable === "" ? [] : [`  If you use such a version: \`opencode-session-repair repair ${mendable}\`.`]),
  ];
}

/** What the server loads and a terminal UI cannot show. `repair` does nothing about it unless it is named. */
function onScreenLines(
  findings: readonly ConfirmedFinding[],
  terminal: Terminal,
  dataDir: CheckResult["dataDir"],
): string[] {
  const hosts = [...new Set(findings.flatMap((finding) => finding.hosts ?? []))].join(", ");
  const codes = [...new Set(findings.map(({ code }) => `--only ${code}`))].join(" ");
  return [
    terminal.style(
      "yellow",
      `${plural(findings.length, "problem")} on which the terminal UI of opencode ${hosts} ends:`,
    ),
    ...findingLines(findings, terminal, dataDir),
    `  To repair ${findings.length === 1 ? "it" : "them"}: \`opencode-session-repair repair ${codes}\`, or upgrade to opencode 1.17 or newer.`,
  ];
}

/** What helps against faults that `repair` leaves alone, said once for each. */
function adviceLines({ stores }: CheckResult, findings: readonly ConfirmedFinding[], terminal: Terminal): string[] {
  const advice = Object.entries(adviceFor(findings, stores.some(isDatabase)));
  if (advice.length === 0) return [];
  return ["", terminal.style("bold", "What to do:"), ...advice.map(([code, text]) => `  ${code}: ${text}`)];
}

/** Says what `repair` would do now, and only that. */
function closingLine(
  result: CheckResult,
  blocking: readonly ConfirmedFinding[],
  isAdvised: boolean,
  { obstacle, tried }: NextStep,
  terminal: Terminal,
): string {
  const isUnreachable = result.findings.some(isUnreached);
  if (result.verdict === "healthy" && isUnreachable) {
    return "No damage was found in the records. opencode cannot open the database at the moment.";
  }
  if (result.verdict === "unusable" && isUnreachable && blocking.length === 0)
    return "A database was not read, so nothing is said of its records.";
  if (result.verdict === "healthy" && result.findings.some(isOnScreen)) {
    return "The server of opencode can load everything here. Its terminal UI ends on the sessions that are named above.";
  }
  if (result.verdict === "healthy" && result.findings.some(({ hosts }) => hosts !== undefined)) {
    return "Healthy for the opencode that wrote the newest session. Other versions that open this store are named above.";
  }
  if (result.verdict === "healthy") {
    const where = systemSentence(result.stores) === null ? "" : " on the system that wrote it";
    return terminal.style("green", `Healthy: opencode can load everything here${where}.`);
  }
  if (result.verdict === "unread")
    return `No problem was found in what was read. ${originsSentence(result.stores) ?? ""}`;
  const mendable = blocking.filter(isMendable);
  const untried = mendable.filter(({ locator }) => tried?.has(locatorText(locator)) !== true);
  const failed = mendable.length - untried.length;
  const lines: string[] = [];
  if (failed > 0) {
    lines.push(
      `${plural(failed, "record")} could not be repaired now. Solve what is named as the reason, then repeat it.`,
    );
  }
  if (untried.length > 0) {
    const words = toDoWords(untried);
    lines.push(
      obstacle === null
        ? `\`opencode-session-repair repair\` would ${words}. Nothing is deleted; every step can be undone.`
        : `\`opencode-session-repair repair\` would ${words}, but ${obstacle}.`,
    );
  }
  if (mendable.length === 0) {
    const way = isAdvised
      ? 'See "What to do" above.'
      : "`opencode-session-repair report` collects what an issue needs.";
    lines.push(`\`opencode-session-repair repair\` cannot fix ${blocking.length === 1 ? "this" : "these"}. ${way}`);
  }
  return lines.join("\n");
}

export function itemLine(item: ReportedItem): string {
  const reason = item.reason === undefined ? "" : `: ${item.reason}`;
  return `  ${item.action} ${item.kind} ${item.recordID ?? ""} (${item.code})${reason}`;
}
