import { adviceFor } from "../../faults/catalogue.ts";
import { isRepairable } from "../../repair/plan.ts";
import type { UpgradeResult } from "../../upgrade/check-upgrade.ts";
import type { Outcome } from "../../upgrade/departure.ts";
import type { UpgradeFinding } from "../../upgrade/prescribe-upgrade.ts";
import { countsText, plural } from "../amounts.ts";
import { REVERSIBLE, toDoWords } from "../records.ts";
import { WHAT_TO_DO } from "./common.ts";
import { findingLines } from "./findings.ts";
import type { Screen } from "./screen.ts";

type Departing = Exclude<Outcome, "arrives">;

/** The problems, worst first. Changes that 2.x makes by design are counted separately. */
const HEADINGS: readonly (readonly [Departing, (count: number) => string])[] = [
  ["stops", (count) => `${plural(count, "record")} that would stop the import of opencode 2.x:`],
  ["unreadable", (count) => `${plural(count, "record")} that would arrive, and that opencode 2.x would fail on:`],
  ["dropped", (count) => `${plural(count, "record")} that the import would leave out without a message:`],
  ["changed", (count) => `${plural(count, "record")} whose content the import would change:`],
];

/** The answer of `check --for 2.x` for people. */
export function upgradeText(result: UpgradeResult, terminal: Screen): string {
  const { findings, counts, durationMs, arrival } = result;
  const seconds = (durationMs / 1000).toFixed(1);
  const lines = [`Checked ${countsText(counts)} for opencode 2.x in ${seconds} s.`];
  const problems = findings.filter(({ isByDesign }) => !isByDesign);
  for (const [outcome, heading] of HEADINGS) {
    const own = problems.filter((finding) => finding.outcome === outcome);
    if (own.length > 0)
      lines.push(
        "",
        terminal.style("red", heading(own.length)),
        ...findingLines(own, { terminal, names: new Map(), isDetailed: true }),
      );
  }
  if (arrival.stopsAt !== null) {
    const behind = plural(arrival.sessionsBehind, "session");
    lines.push(
      "",
      `The import reads the sessions in the order of their ids, the greatest id first. The import would stop at ${arrival.stopsAt}.`,
    );
    lines.push(`${behind} after that session would never arrive.`);
  }
  lines.push(...byDesign(findings, terminal));
  const advice = Object.entries(adviceFor(problems, true));
  if (advice.length > 0) {
    lines.push("", terminal.style("bold", WHAT_TO_DO), ...advice.map(([code, text]) => `  ${code}: ${text}`));
  }
  lines.push("", closing(result, problems, terminal));
  return lines.join("\n");
}

/**
 * The changes that opencode 2.x makes on purpose. They are counted by reason, because a database may have very many of
 * these records.
 */
function byDesign(findings: readonly UpgradeFinding[], terminal: Screen): string[] {
  const own = findings.filter((finding) => finding.isByDesign);
  if (own.length === 0) return [];
  const counted = new Map<string, number>();
  for (const { outcome, evidence } of own) {
    const words = `${outcome}: ${evidence}`;
    counted.set(words, (counted.get(words) ?? 0) + 1);
  }
  return [
    "",
    terminal.style(
      "yellow",
      `${plural(own.length, "record")} that opencode 2.x keeps in another way, or not at all, by design:`,
    ),
    ...[...counted].map(([words, count]) => `  ${count.toLocaleString("en-US")} × ${words}`),
  ];
}

function closing({ arrival, findings }: UpgradeResult, problems: readonly UpgradeFinding[], terminal: Screen): string {
  const arriving = `${plural(arrival.records.arrives, "record")} would arrive as they are.`;
  if (problems.length === 0) {
    const rest = findings.length === 0 ? "" : " The changes that are named above are by design.";
    return terminal.style("green", `Nothing is in the way of opencode 2.x here. ${arriving}${rest}`);
  }
  const repairable = problems.filter(isRepairable);
  if (repairable.length === 0)
    return `${arriving} \`opencode-session-repair repair --for 2.x\` cannot help the others.`;
  return `${arriving} \`opencode-session-repair repair --for 2.x\` would ${toDoWords(repairable)}. ${REVERSIBLE}`;
}
