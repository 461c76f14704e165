/**
 * The process that is killed: `bun test/crash/killed.ts DATA-DIR WORK FINDINGS-FILE`. Says `begin` and waits for a line
 * before it starts, so that the moment of the kill is counted from there, and `end` when it is done.
 */
import { readFileSync } from "node:fs";
import { deserialize } from "node:v8";
import { nodeFileSystem } from "../../plugin/files/file-system.ts";
import type { ConfirmedFinding } from "../../plugin/repair/finding.ts";
import { purgeEverything, repairFindings, restoreEverything } from "../repair/tool.ts";

const [dataDir = "", work, findingsFile = ""] = process.argv.slice(2);
const findings = deserialize(readFileSync(findingsFile)) as ConfirmedFinding[];
const works: Readonly<Record<string, () => Promise<unknown>>> = {
  repair: () => repairFindings(nodeFileSystem, dataDir, findings),
  restore: () => restoreEverything(nodeFileSystem, dataDir),
  purge: () => purgeEverything(nodeFileSystem, dataDir),
};
process.stdout.write("begin\n");
process.stdin.once("data", () => void finish());

async function finish(): Promise<void> {
  await works[work ?? ""]?.();
  process.stdout.write("end\n");
  process.exit(0);
}
