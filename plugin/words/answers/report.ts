import type { FaultSummary } from "../../report/incidents.ts";
import type { Report, ReportedStore } from "../../report/report.ts";
import { amount } from "../amounts.ts";

/** The report as Markdown, the format of an issue. */
export function reportText(report: Report): string {
  const { tool, opencode, runtime, system, checked, pattern, log, quarantine } = report;
  return [
    `# ${tool.name} report`,
    "",
    "This report has only codes, counts, sizes and times. The report has no content, title, path, name, key or id. Times are UTC.",
    "",
    `- made: ${report.createdAt}`,
    `- tool: ${tool.version}`,
    `- opencode installed: ${opencode.installed ?? "not found"}`,
    `- runtime: ${runtime.bun === null ? `Node ${runtime.node}` : `Bun ${runtime.bun}`}`,
    `- system: ${system.platform} ${system.arch}, kernel ${system.kernel}, ${system.freeBytes === null ? "free bytes unknown" : `${amount(system.freeBytes, "byte")} free`}`,
    `- checked: ${amount(checked.sessions, "session")}, ${amount(checked.messages, "message")}, ${amount(checked.parts, "part")}, ${amount(checked.bytes, "byte")}`,
    `- verdict: ${report.verdict}`,
    `- quarantine: ${amount(quarantine.runs, "run")}, ${amount(quarantine.setAside, "record")} in quarantine, ${quarantine.restored} restored`,
    "",
    "## Stores",
    "",
    ...(report.stores.length === 0 ? ["None."] : report.stores.map(storeLine)),
    "",
    "## Faults",
    "",
    ...(report.faults.length === 0 ? ["None."] : report.faults.flatMap(faultLines)),
    "",
    "## Pattern",
    "",
    `- damaged sessions: ${pattern.damagedSessions}`,
    `- codes in more than one session: ${pattern.repeated.join(", ") || "none"}`,
    `- disk full: ${amount(pattern.diskFull.recordsOfZeroBytes, "record")} of 0 bytes; ${amount(pattern.diskFull.inLog, "line")} of the log${since(pattern.diskFull.last)}`,
    `- killed: turns or tool calls without an end: ${pattern.unfinished.records}${since(pattern.unfinished.last)}`,
    ...report.incidents.map(
      ({ from, until, records, sessions, codes }) =>
        `- written ${from} to ${until}: ${amount(records, "damaged record")} in ${amount(sessions, "session")} (${countsText(codes)})`,
    ),
    ...report.sessions.map(
      ({ number, records, codes }) => `- session ${number}: ${amount(records, "record")} (${countsText(codes)})`,
    ),
    "",
    "## What opencode's log says",
    "",
    `${amount(log.files, "file")}, ${amount(log.bytes, "byte")}.`,
    "",
    ...log.signs.map(
      ({ about, word, count, first, last }) =>
        `- ${about}: ${word}, ${amount(count, "time")}${first === null ? "" : `, first ${first}`}${since(last)}`,
    ),
    ...(log.references.length === 0 ? [] : [`- references: ${log.references.join(", ")}`]),
    "",
  ].join("\n");
}

function since(last: string | null): string {
  return last === null ? "" : `, last ${last}`;
}

function storeLine(store: ReportedStore): string {
  const { generation, name, state, contract, origin, isOfOtherSystem, bytes, sessions, archived, versions, opencode2 } =
    store;
  const whose = `${origin === null ? "" : `, origin ${origin}`}${isOfOtherSystem ? ", folders of another system" : ""}`;
  const size =
    bytes === null ? "" : `, ${amount(bytes.database, "byte")}, WAL ${bytes.wal}, shared memory ${bytes.shm}`;
  const count =
    sessions === null ? "" : `, ${amount(sessions, "session")} (${archived} archived; ${countsText(versions)})`;
  const of2x =
    opencode2 === null
      ? ""
      : `, of opencode 2.x ${amount(opencode2.sessions, "session")}${inBrackets(opencode2.versions)}`;
  return `- ${generation}: ${name}, ${state}, contract ${contract}${whose}${size}${count}${of2x}`;
}

function inBrackets(counts: Readonly<Record<string, number>>): string {
  const text = countsText(counts);
  return text === "" ? "" : ` (${text})`;
}

function faultLines(fault: FaultSummary): string[] {
  const { code, severity, records, sessions, kinds, bytes, ofZeroBytes, ofWholePages, firstWritten, lastWritten } =
    fault;
  const lines = [`- **${code}** (${severity}): ${records} in ${amount(sessions, "session")} (${countsText(kinds)})`];
  if (bytes !== null) {
    lines.push(
      `  - bytes: ${bytes.least} to ${bytes.most}, median ${bytes.median}, ${bytes.sum} in all; ${ofZeroBytes} of 0, ${ofWholePages} of whole pages`,
    );
  }
  if (firstWritten !== null) lines.push(`  - written: ${firstWritten} to ${lastWritten}`);
  for (const { words, count } of fault.evidence) lines.push(`  - ${count}: ${words}`);
  return lines;
}

function countsText(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([word, count]) => `${word} ${count}`)
    .join(", ");
}
