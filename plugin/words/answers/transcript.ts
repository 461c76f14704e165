import type { Entry, Hole, ToolCall, TranscriptMessage } from "../../show/transcript.ts";
import { amount, plural } from "../amounts.ts";
import { TEXT_CHANGED } from "../long-texts.ts";
import { columns, inOnePiece, printable, wrapped, wrappedAroundCommands, wrappedLines } from "../text-layout.ts";
import { utcText } from "../times.ts";

/** Applies a style to a piece of text. */
export type Mark = (style: "bold" | "red" | "yellow" | "green" | "dim", text: string) => string;

/**
 * One message as lines no wider than `width` columns. `onChanged` is called for each text whose rest is missing, because
 * the text was changed while it was read.
 */
export function* messageLines(
  message: TranscriptMessage,
  width: number,
  mark: Mark,
  onChanged: () => void = () => undefined,
): Iterable<string> {
  yield* heading(message, width, mark);
  for (const entry of message.entries) yield* entryLines(entry, width, mark, onChanged);
  yield "";
}

function heading({ messageID, role, timeMs, agent, model }: TranscriptMessage, width: number, mark: Mark): string[] {
  const who = role === "user" ? "You" : role === "assistant" ? "Assistant" : "Message";
  const facts = [who, role === "assistant" ? agent : null, role === "assistant" ? model : null, utcText(timeMs)];
  const left = `── ${oneLine(facts.filter((fact) => fact !== null).join(" · "))} `;
  const right = ` ${oneLine(messageID)}`;
  const rule = "─".repeat(Math.max(2, width - columns(left) - columns(right)));
  const line = `${left}${rule}${right}`;
  const lines = columns(line) > width ? wrapped(left, width, "") : [line];
  return lines.map((each) => mark("bold", each));
}

function oneLine(text: string): string {
  return printable(text).replaceAll("\n", " ");
}

/** A text in pieces. If the rest of a long text was changed, a note takes its place. */
function* piecesOf({ text, long }: SpokenText, onChanged: () => void): Iterable<string> {
  for (const piece of long?.pieces() ?? [text]) {
    if (piece === null) onChanged();
    yield piece ?? `\n${TEXT_CHANGED}`;
  }
}

type SpokenText = Extract<Entry, { readonly type: "text" | "reasoning" }>;

function* entryLines(entry: Entry, width: number, mark: Mark, onChanged: () => void): Iterable<string> {
  switch (entry.type) {
    case "text":
      yield* wrappedLines(piecesOf(entry, onChanged), width, "");
      return;
    case "reasoning":
      for (const line of wrappedLines(piecesOf(entry, onChanged), width, "  ┆ ")) yield mark("dim", line);
      return;
    case "note":
      yield* wrapped(`· ${entry.text}`, width, "  ").map((line) => mark("dim", line));
      return;
    case "tool":
      if (entry.output === "changed") onChanged();
      yield* wrapped(`▸ ${toolText(entry)}`, width, "  ").map((line) =>
        entry.status === "error" ? mark("yellow", line) : line,
      );
      return;
    case "hole":
      yield* wrappedAroundCommands(holeText(entry), width, "▒▒ ").map((line) => mark("red", line));
  }
}

function toolText({ tool, status, summary, output, error, durationMs }: ToolCall): string {
  const size = output === null ? "" : ` — ${output === "changed" ? TEXT_CHANGED : sizeText(output)}`;
  const duration = durationMs === null ? "" : `, ${(durationMs / 1000).toFixed(1)} s`;
  const failure = error === null ? "" : ` — ${error.split("\n")[0] ?? ""}`;
  return `${tool} (${status}${duration}) ${summary}${size}${failure}`.trimEnd();
}

function sizeText({ lines, bytes }: Exclude<ToolCall["output"], "changed" | null>): string {
  return `${amount(lines, "line")}, ${amount(bytes, "byte")}`;
}

/** A line about a record that cannot be read: which record, why, its size, and where it is now. */
export function holeText({ kind, recordID, where, why, code, bytes, runID }: Hole): string {
  const record = `HOLE: ${kind} ${recordID}`;
  if (where === null) return `${record}: ${why}`;
  const place = runID === null ? `at ${inOnePiece(where)}` : `in quarantine (run ${runID})`;
  return `${record} ${why}, ${plural(bytes, "byte")} ${place}${code === null ? "" : ` [${code}]`}`;
}
