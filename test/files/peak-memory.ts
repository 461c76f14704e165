/** `bun test/files/peak-memory.ts DATA-DIR`: checks and repairs it; what was found, and the most memory it took, in bytes. */
import { blockingIn, repairFindings, settledFiles } from "../repair/tool.ts";

const dataDir = process.argv[2] ?? "";
const findings = await blockingIn(dataDir);
const { items, stopped } = await repairFindings(settledFiles, dataDir, findings);
const done = items.filter(({ action }) => action !== "skipped").length;
const codes = findings.map(({ code }) => code);
// Kilobytes on Linux.
const peakBytes = process.resourceUsage().maxRSS * 1024;
process.stdout.write(JSON.stringify({ codes, done, stopped, peakBytes }));
