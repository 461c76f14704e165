import type { FaultSummary } from "./incidents.ts";
import type { Report, ReportedStore } from "./report.ts";

/** The report as Markdown, which is what an issue is written in. */
export function reportText(report: Report): string {
  const { tool, opencode, runtime, system, checked, pattern, log, quarantine } = report;
  return [
    `# ${tool.name} report`,
    "",
    "Codes, counts, sizes and times only: no conversation, title, path, name, key or id. Times are UTC.",
    "",
    `- made: ${report.createdAt}`,
    `- tool: ${tool.version}`,
    `- opencode installed: ${opencode.installed ?? "not found"}`,
    `- runtime: ${runtime.bun === null ? `Node ${runtime.node}` : `Bun ${runtime.bun}`}`,
    `- system: ${system.platform} ${system.arch}, kernel ${system.kernel}, ${system.freeBytes ?? "unknown"} bytes free`,
    `- checked: ${checked.sessions} sessions, ${checked.messages} messages, ${checked.parts} parts, ${checked.bytes} bytes`,
    `- verdict: ${report.verdict}`,
    `- quarantine: ${quarantine.runs} runs, ${quarantine.setAside} records set aside, ${quarantine.restored} put back`,
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
    `- disk full: ${pattern.diskFull.recordsOfZeroBytes} records of 0 bytes; ${pattern.diskFull.inLog} lines of the log${since(pattern.diskFull.last)}`,
    `- killed: ${pattern.unfinished.records} turns or tool calls without an end${since(pattern.unfinished.last)}`,
    ...report.incidents.map(
      ({ from, until, records, sessions, codes }) =>
        `- written ${from} to ${until}: ${records} damaged records in ${sessions} sessions (${countsText(codes)})`,
    ),
    ...report.sessions.map(
      ({ number, records, codes }) => `- session ${number}: ${records} records (${countsText(codes)})`,
    ),
    "",
    "## What opencode's log says",
    "",
    `${log.files} files, ${log.bytes} bytes.`,
    "",
    ...log.signs.map(
      ({ about, word, count, first, last }) =>
        `- ${about}: ${word}, ${count} times${first === null ? "" : `, first ${first}`}${since(last)}`,
    ),
    ...(log.references.length === 0 ? [] : [`- references: ${log.references.join(", ")}`]),
    "",
  ].join("\n");
}

function since(last: string | null): string {
  return last === null ? "" : `, last ${last}`;
}

function storeLine(store: ReportedStore): string {
  const { generation, name, state, contract, origin, bytes, sessions, archived, versions } = store;
  const whose = origin === null ? "" : `, origin ${origin}`;
  const size = bytes === null ? "" : `, ${bytes.database} bytes, WAL ${bytes.wal}, shared memory ${bytes.shm}`;
  const count = sessions === null ? "" : `, ${sessions} sessions (${archived} archived; ${countsText(versions)})`;
  return `- ${generation}: ${name}, ${state}, contract ${contract}${whose}${size}${count}`;
}

function faultLines(fault: FaultSummary): string[] {
  const { code, severity, records, sessions, kinds, bytes, ofZeroBytes, ofWholePages, firstWritten, lastWritten } =
    fault;
  const lines = [`- **${code}** (${severity}): ${records} in ${sessions} sessions (${countsText(kinds)})`];
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
