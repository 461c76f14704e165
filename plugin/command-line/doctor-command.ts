import { resolve } from "node:path";
import { type Examined, examine } from "../doctor/doctor.ts";
import { nodeFileSystem } from "../platform/file-system.ts";
import { defaultDataDir, type LocateResult } from "../stores/locate.ts";
import { nextLine } from "../words/answers/check.ts";
import { laidOut } from "../words/answers/findings.ts";
import { listAnswer } from "./answers.ts";
import { answer, type CommandContext, commandHere } from "./context.ts";
import { EXIT, type ExitStatus } from "./exit-status.ts";

/** `doctor`: checks everything that this tool needs, with ✓ or ✗ and what to do. Changes nothing. */
export async function doctorCommand(
  context: Pick<CommandContext, "options" | "terminal">,
  found: LocateResult,
): Promise<ExitStatus> {
  const { options } = context;
  const { env } = process;
  const asked = resolve(options.database ?? options.dataDir ?? defaultDataDir(env));
  context.terminal.progress("Looking at the installation …");
  const examined = await examine({ files: nodeFileSystem, env, folder: process.cwd(), found, asked });
  const isWell = examined.every(({ ok }) => ok !== false);
  const lines = examined.flatMap((each) => examinedLines(each, context));
  const failed = examined.filter(({ ok }) => ok === false).length;
  const verdict = isWell
    ? "The installation has no problem."
    : `${failed === 1 ? "The line with ✗ needs" : "The lines with ✗ need"} your attention.`;
  // `doctor` opens the store but reads no record, so `check` is the next step.
  const next = `${nextLine(commandHere(context, "check"))} (says whether each session loads)`;
  answer(context, listAnswer({ ok: isWell, checks: examined }), [...lines, "", verdict, next].join("\n"));
  return isWell ? EXIT.done : EXIT.findings;
}

function examinedLines({ what, ok, says, wayOut }: Examined, { terminal }: Pick<CommandContext, "terminal">): string[] {
  const sign = ok === null ? "–" : ok ? terminal.style("green", "✓") : terminal.style("red", "✗");
  const [first = "", ...more] = laidOut(`${what}: ${says}`, { terminal }, "    ");
  const lines = [`${sign} ${first.slice(4)}`, ...more.map((line) => line.slice(2))];
  return wayOut === undefined || ok === true ? lines : [...lines, ...laidOut(wayOut, { terminal }, "    ")];
}
