import { resolve } from "node:path";
import { PRIVATE_FILE } from "../platform/durable.ts";
import { errnoCode } from "../platform/file-system.ts";
import { makeReport } from "../report/report.ts";
import { countsText, sizeText } from "../words/amounts.ts";
import { FILE_EXISTS } from "../words/answers/common.ts";
import { reportText } from "../words/answers/report.ts";
import { jsonText, listAnswer } from "./answers.ts";
import type { Command } from "./arguments.ts";
import { surveyAside } from "./aside.ts";
import { withoutResult } from "./checking.ts";
import { READ_BEFORE_ISSUE } from "./commands.ts";
import { type CommandContext, problem } from "./context.ts";
import { EXIT, type ExitStatus } from "./exit-status.ts";

/** `report`: prints facts for a public issue, on stdout or into a new file. */
export async function reportCommand(
  context: CommandContext,
  { output }: Command & { name: "report" },
): Promise<ExitStatus> {
  const { files, located, options, signal, terminal } = context;
  const report = await makeReport({
    files,
    located,
    env: process.env,
    concurrency: options.concurrency,
    signal,
    surveyAside,
    onProgress: (counts) => terminal.progress(`Reading: ${countsText(counts)} …`),
  });
  if (report === null) return withoutResult(context, { ok: false, unknownSession: null });
  if (signal.aborted) return withoutResult(context, { ok: false, unknownSession: null });
  const text = options.json ? jsonText(listAnswer({ report })) : reportText(report);
  if (output === null) {
    // The commands in a report are not completed, because a completed command could contain the path of this call.
    terminal.printDocument(text);
    return EXIT.done;
  }
  try {
    await files.writeNew(resolve(output), Buffer.from(`${text}\n`), PRIVATE_FILE);
  } catch (error) {
    if (errnoCode(error) === "EEXIST") return problem(context, FILE_EXISTS, EXIT.refused);
    if (errnoCode(error) === "ENOENT") return problem(context, "The folder for the report does not exist.", EXIT.usage);
    throw error;
  }
  terminal.say(`The report is written (${sizeText(text.length)}). ${READ_BEFORE_ISSUE}`);
  return EXIT.done;
}
