import { resolve } from "node:path";
import { errnoCode } from "../platform/file-system.ts";
import { type Exporting, exportHidden } from "../rescue/export-hidden.ts";
import type { Refusal, RescueInput } from "../rescue/request.ts";
import type { HiddenList } from "../rescue/rescue.ts";
import type { ExportedFor2x } from "../upgrade/export-missing.ts";
import { plural } from "../words/amounts.ts";
import { unreadLines } from "../words/answers/rescue.ts";
import { inOnePiece } from "../words/text-layout.ts";
import { listAnswer } from "./answers.ts";
import { answer, type CommandContext, noRoomMessage, problem } from "./context.ts";
import { EXIT, type ExitStatus } from "./exit-status.ts";
import { exportedFor2x, exportedText, fileLines } from "./rescue-for-2x.ts";
import { noSessionFor } from "./resolve-ids.ts";

const WITHOUT_LIST = {
  none: EXIT.usage,
  unknown: EXIT.usage,
  unusable: EXIT.failed,
  refused: EXIT.refused,
  // There was no space for a copy of the database, so it was not read. `check` ends with the same exit status then.
  "no-room": EXIT.findings,
} as const;

/** Ends the command because the stores could not be opened, or because a word names several sessions. */
export function withoutList(context: CommandContext, { reason, message }: Refusal): ExitStatus {
  const said = reason === "no-room" ? noRoomMessage(context, message, "rescue") : message;
  return problem(context, said, WITHOUT_LIST[reason]);
}

/** Ends the command because sessions do not exist in the stores that were read. */
export async function endUnknown(
  context: CommandContext,
  [first = ""]: readonly string[],
  stores: readonly string[],
): Promise<ExitStatus> {
  const { message } = await noSessionFor(context, [first], { stores, unread: [] });
  return problem(context, message, EXIT.usage);
}

/**
 * Whether a store that opencode uses, or that the user named, could not be read. Copies beside the database do not
 * count.
 */
export function isUncertain({ unreadStores }: Pick<HiddenList, "unreadStores">): boolean {
  return unreadStores.some(({ origin }) => origin !== "put-aside");
}

const NOTHING_TO_EXPORT = "No file was written: no other store has a session that is hidden here.";

/** `rescue --export FOLDER`: writes the sessions of other stores to files. */
export async function exportSessions(context: CommandContext, input: RescueInput, folder: string): Promise<ExitStatus> {
  let exporting: Exporting;
  let for2x: readonly ExportedFor2x[] | null = [];
  try {
    exporting = await exportHidden(input, resolve(folder));
    if (exporting.ok && exporting.isComplete) {
      for2x = await exportedFor2x(context, input.into, exporting.sessionIDs, resolve(folder));
    }
  } catch (error) {
    if (errnoCode(error) === "EEXIST") return problem(context, existsText(error, folder), EXIT.refused);
    if (errnoCode(error) === "ENOENT") return problem(context, "The folder of --export does not exist.", EXIT.usage);
    throw error;
  }
  if (!exporting.ok) return withoutList(context, exporting);
  const { sessions, skipped, unknown, unreadStores, isComplete } = exporting;
  if (unknown.length > 0) return endUnknown(context, unknown, exporting.stores);
  const text = [
    ...(sessions.length > 0
      ? [`Wrote ${plural(sessions.length, "file")}; run \`opencode import FILE\` in the folder of each session:`]
      : (for2x?.length ?? 0) > 0
        ? []
        : [skipped.length + unreadStores.length > 0 ? "No file was written." : NOTHING_TO_EXPORT]),
    ...sessions.flatMap(fileLines),
    ...skipped.map(({ sessionID, reason }) => `  not written: ${sessionID}, ${reason}`),
    ...exportedText(for2x ?? []),
    ...unreadLines(unreadStores),
  ];
  const message = isComplete && for2x !== null ? undefined : "Stopped. The other sessions were not written.";
  const of2x = for2x === null || for2x.length === 0 ? {} : { for2x };
  const document = { sessions, skipped, unreadStores, ...of2x, ...(message === undefined ? {} : { message }) };
  answer(context, listAnswer(document), text.join("\n"));
  if (message === undefined) return skipped.length > 0 || isUncertain({ unreadStores }) ? EXIT.findings : EXIT.done;
  context.terminal.complain(message);
  return EXIT.refused;
}

/** Some files may have been written before this one. These files stay, and no file was overwritten. */
function existsText(error: unknown, folder: string): string {
  const path = error instanceof Error && "path" in error ? String(error.path) : resolve(folder);
  return `This file exists already, and was not changed: ${inOnePiece(path)}. Name an empty folder with --export.`;
}
