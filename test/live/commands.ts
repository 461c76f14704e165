import { setTimeout as sleep } from "node:timers/promises";
import { type CliResult, runCli } from "../command-line/cli-process.ts";
import type { Random } from "../oracle/random.ts";

/** What the command line answered while opencode was working. */
export interface CommandRecord {
  /** How often each command ended with each status, such as `repair 0`. */
  readonly statuses: Map<string, number>;
  /** How often a command did nothing because another repair was running. */
  steppedAside: number;
  /** A description of each answer that a command must never give. */
  readonly unexpected: string[];
}

export function newCommandRecord(): CommandRecord {
  return { statuses: new Map(), steppedAside: 0, unexpected: [] };
}

type CommandName = "check" | "repair" | "restore" | "runs";

const ALLOWED: Readonly<Record<CommandName, readonly number[]>> = {
  check: [0, 1],
  repair: [0, 1, 3],
  restore: [0, 1, 3],
  runs: [0],
};

/** How to run the compiled command line on a data directory. */
export interface CommandLine {
  readonly entry: string;
  readonly dataDir: string;
  readonly runtimes: readonly string[];
}

/**
 * Runs check, repair, restore and runs in random order, one after another, until `isOver` returns true. A restore
 * undoes the newest repair.
 */
export async function command(
  line: CommandLine,
  record: CommandRecord,
  healthySessions: () => ReadonlySet<string>,
  random: Random,
  isOver: () => boolean,
): Promise<void> {
  let lastRun: string | null = null;
  while (!isOver()) {
    const name = random.pick<CommandName>(["check", "check", "repair", "repair", "repair", "restore", "runs"]);
    if (name === "restore" && lastRun === null) continue;
    const rest = name === "repair" ? ["--yes"] : name === "restore" ? [lastRun ?? "", "--yes"] : [];
    const result = await run(line, random, [name, ...rest, "--json"]);
    if (name === "restore") lastRun = null;
    const key = `${name} ${result.code}`;
    record.statuses.set(key, (record.statuses.get(key) ?? 0) + 1);
    if (result.stderr.includes("Another repair")) record.steppedAside += 1;
    if (!ALLOWED[name].includes(result.code ?? -1)) record.unexpected.push(`${key}: ${result.stderr.trim()}`);
    const answer = parsed(result.stdout);
    if (answer === null) record.unexpected.push(`${key}: ${result.stdout.slice(0, 200)} is not JSON`);
    lastRun = name === "repair" ? (answer?.runID ?? lastRun) : lastRun;
    const wrong = (answer?.findings ?? answer?.remaining ?? []).find(
      (finding) => finding.severity === "blocking" && healthySessions().has(finding.sessionID ?? ""),
    );
    if (wrong !== undefined) record.unexpected.push(`${key}: ${JSON.stringify(wrong)} is healthy`);
    await sleep(random.below(1000));
  }
}

export function run(line: CommandLine, random: Random, args: readonly string[]): Promise<CliResult> {
  const { entry, dataDir, runtimes } = line;
  return runCli([...args, "--data-dir", dataDir], { entry, runtime: random.pick(runtimes), env: { HOME: dataDir } });
}

interface Finding {
  readonly severity: string;
  readonly sessionID: string | null;
}

interface AnyAnswer {
  readonly runID?: string | null;
  readonly findings?: readonly Finding[];
  readonly remaining?: readonly Finding[];
}

function parsed(text: string): AnyAnswer | null {
  try {
    return JSON.parse(text) as AnyAnswer;
  } catch {
    return null;
  }
}
