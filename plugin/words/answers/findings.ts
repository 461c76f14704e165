import { ACCESS_DENIED, QUARANTINE_DENIED, READ_ONLY_FILE_SYSTEM } from "../../faults/access.ts";
import { faultByCode } from "../../faults/catalogue.ts";
import type { Finding } from "../../model/finding.ts";
import { bySession } from "../../repair/by-session.ts";
import { plural } from "../amounts.ts";
import { inOnePiece, wrappedAroundCommands } from "../text-layout.ts";
import { toCorrect } from "./common.ts";
import { type FindingGroup, groupFindings, groupText } from "./finding-groups.ts";
import type { Screen } from "./screen.ts";
import { type SessionNames, sessionLines } from "./sessions.ts";

/** How an answer is shown: with session titles for a person at a terminal, otherwise with ids. */
export interface View {
  readonly terminal: Screen;
  readonly names: SessionNames;
  /** Whether each record has its own line, because the user named single sessions. */
  readonly isDetailed: boolean;
  /** The command that corrects the problem of a finding, only for the user's own screen; `null` if there is none. */
  readonly correction?: (finding: Finding) => string | null;
}

/**
 * An answer shows at most this many lines of problems, which is a page of a terminal. More problems are only counted.
 */
const MOST_LINES = 24;

/** The limit if the user named single sessions, because then every record is listed. */
const MOST_DETAILED_LINES = 200;

/**
 * Findings as lines: session by session, one line for each cause. If a command corrects a finding, the line shows that
 * command.
 */
export function findingLines(findings: readonly Finding[], view: View): string[] {
  const blocks = blocksOf(findings, view);
  const most = view.isDetailed ? MOST_DETAILED_LINES : MOST_LINES;
  const lines: string[] = [];
  for (const [index, block] of blocks.entries()) {
    // A session is listed with all of its problems. If they do not fit on the page, this session and all later ones are
    // only counted.
    if (index > 0 && lines.length + block.lines.length > most && index < blocks.length) {
      return [...lines, ...restLines(blocks.slice(index), view)];
    }
    lines.push(...block.lines);
  }
  return lines;
}

interface Block {
  readonly sessionID: string | null;
  readonly findings: readonly Finding[];
  readonly lines: readonly string[];
}

function blocksOf(findings: readonly Finding[], view: View): Block[] {
  const blocks = [...bySession(findings, ({ sessionID }) => sessionID)].map(([sessionID, own]): Block => {
    return { sessionID, findings: own, lines: [...heading(sessionID, own, view), ...causeLines(own, view)] };
  });
  const when = ({ sessionID }: Block) => (sessionID === null ? Infinity : (view.names.get(sessionID)?.updatedMs ?? 0));
  return view.names.size === 0 ? blocks : blocks.sort((a, b) => when(b) - when(a) || 0);
}

function heading(sessionID: string | null, findings: readonly Finding[], { terminal, names }: View): string[] {
  if (sessionID !== null) return sessionLines(sessionID, names, terminal);
  const isDatabase = findings.every(({ kind }) => kind === "database");
  return [`  ${terminal.style("bold", isDatabase ? "the database" : "no session")}`];
}

function causeLines(findings: readonly Finding[], view: View): string[] {
  const single = (finding: Finding) => {
    const command = view.correction?.(finding) ?? null;
    const lines = laidOut(findingText(finding), view, "    ");
    return command === null ? lines : [...lines, `      ${toCorrect(command)}`];
  };
  if (view.isDetailed) return findings.flatMap(single);
  return groupFindings(findings).flatMap((group) => {
    const isOwn = group.findings.length > 1 && hasCommands(group, view);
    const [first] = group.findings;
    if (first !== undefined && (group.findings.length === 1 || isOwn)) return group.findings.flatMap(single);
    return laidOut(groupLine(group), view, "    ");
  });
}

/** Whether one of these findings has a command that corrects it. */
function hasCommands({ findings }: FindingGroup, { correction }: View): boolean {
  return findings.some((finding) => correction != null && correction(finding) !== null);
}

function groupLine(group: FindingGroup): string {
  const { findings, code } = group;
  const text = groupText(group);
  const count = /^\d/.test(text) ? "" : `${plural(findings.length, "time")}: `;
  const [first, ...others] = new Set(findings.map(({ evidence }) => evidence));
  return `${count}${text} [${code}: ${first}${others.length > 0 ? ", …" : ""}]`;
}

/** One line for the problems that the answer does not list. The line gives their number for each code. */
function restLines(blocks: readonly Block[], view: View): string[] {
  const findings = blocks.flatMap((block) => block.findings);
  const counts = new Map<string, number>();
  for (const { code } of findings) counts.set(code, (counts.get(code) ?? 0) + 1);
  const causes = [...counts]
    .sort((a, b) => b[1] - a[1])
    .map(([code, count]) => `${count.toLocaleString("en-US")} × ${code}`);
  const sessions = blocks.filter(({ sessionID }) => sessionID !== null).length;
  const where = sessions === 0 ? "" : ` in ${plural(sessions, "session")}`;
  return laidOut(`… and ${plural(findings.length, "more problem")}${where}: ${causes.join(", ")}`, view, "  ");
}

/** A sentence as lines of a screen, broken between words. Without a screen, the sentence stays one line. */
export function laidOut(
  text: string,
  { terminal }: { readonly terminal: Pick<Screen, "width" | "isScreen" | "completed"> },
  indent: string,
): string[] {
  if (!terminal.isScreen) return [`${indent}${text}`];
  const more = /^ {4}/.test(indent) ? `${indent}  ` : indent;
  return wrappedAroundCommands(terminal.completed(text), terminal.width, more, indent);
}

/** The codes of problems with access to a path. Such a problem is shown with the path itself. */
const OF_PATHS: readonly string[] = [ACCESS_DENIED.code, QUARANTINE_DENIED.code];

function findingText(finding: Finding): string {
  const title = faultByCode(finding.code)?.title ?? finding.code;
  const { code, locator, evidence } = finding;
  if (code === READ_ONLY_FILE_SYSTEM.code) return `${title} [${code}: ${evidence}]`;
  if (OF_PATHS.includes(code) && "path" in locator)
    return `${inOnePiece(locator.path)}: ${title} [${code}: ${evidence}]`;
  const subject = [finding.kind, finding.recordID].filter((each) => each !== null && each !== "database").join(" ");
  const column = "column" in finding.locator ? ` (${finding.locator.column})` : "";
  return `${subject}${column} ${title} [${finding.code}: ${finding.evidence}]`.trimStart();
}
