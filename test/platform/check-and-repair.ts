/**
 * `bun test/platform/check-and-repair.ts DATA-DIR` checks and repairs this data directory. It prints the findings, the
 * number of repaired records, and the peak of its memory in bytes.
 */
import { peakBytesOf } from "../process/peak-memory.ts";
import { blockingIn, repairFindings, settledFiles } from "../repair/tool.ts";

const dataDir = process.argv[2] ?? "";
const findings = await blockingIn(dataDir);
const { items, stopped } = await repairFindings(settledFiles, dataDir, findings);
const done = items.filter(({ action }) => action !== "skipped").length;
const codes = findings.map(({ code }) => code);
process.stdout.write(JSON.stringify({ codes, done, stopped, peakBytes: peakBytesOf("self") }));
