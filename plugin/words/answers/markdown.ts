import type { Entry, ToolCall, TranscriptMessage } from "../../show/transcript.ts";
import type { SessionFacts } from "../../stores/conversation.ts";
import { isFields, textIn, valueIn } from "../../stores/conversation.ts";
import { released } from "../text-layout.ts";
import { utcText } from "../times.ts";
import { WITHOUT_RECORD } from "./common.ts";
import { holeText } from "./transcript.ts";

/** The head of a session as Markdown: its title and the known facts. */
export function headMarkdown({ id, title, directory, version, createdMs, updatedMs }: SessionFacts): string[] {
  const facts = [
    `Session: \`${id}\``,
    ...(directory === null ? [] : [`Folder: \`${directory}\``]),
    ...(version === null ? [] : [`opencode: ${version}`]),
    ...(createdMs === null ? [] : [`Created: ${utcText(createdMs)}`]),
    ...(updatedMs === null ? [] : [`Updated: ${utcText(updatedMs)}`]),
  ];
  return [`# ${oneLine(title ?? `A session ${WITHOUT_RECORD}`)}`, "", ...facts.map((fact) => `- ${fact}`), ""];
}

/** One message as Markdown, with the text of all its parts. A pure function. */
export function messageMarkdown({ role, timeMs, agent, model, messageID, entries }: TranscriptMessage): string[] {
  const who = role === "user" ? "You" : role === "assistant" ? "Assistant" : "Message";
  const facts = [who, role === "assistant" ? agent : null, role === "assistant" ? model : null, utcText(timeMs)];
  const heading = facts.filter((fact) => fact !== null).join(" · ");
  return [
    `## ${oneLine(heading)}`,
    "",
    `<!-- ${messageID.replaceAll("--", "- -")} -->`,
    "",
    ...entries.flatMap(entryMarkdown),
  ];
}

function entryMarkdown(entry: Entry): string[] {
  switch (entry.type) {
    case "text":
      return [entry.text, ""];
    case "reasoning":
      return [...quoted(entry.text), ""];
    case "note":
      return noteMarkdown(entry.text, entry.part);
    case "tool":
      return toolMarkdown(entry);
    case "hole":
      return [...quoted(`**${oneLine(released(holeText(entry)))}**`), ""];
  }
}

/** Text that opencode added to a message of the user is shown completely. */
function noteMarkdown(text: string, part: unknown): string[] {
  const added = valueIn(part, "synthetic") === true ? textIn(part, "text") : null;
  return added === null ? [`*${oneLine(text)}*`, ""] : ["*added by opencode:*", "", ...fenced(added, ""), ""];
}

function toolMarkdown({ tool, status, durationMs, error, part }: ToolCall): string[] {
  const state = valueIn(part, "state");
  const duration = durationMs === null ? "" : `, ${(durationMs / 1000).toFixed(1)} s`;
  const input = valueIn(state, "input");
  const output = textIn(state, "output");
  return [
    `### ${oneLine(tool)} (${status}${duration})`,
    "",
    ...(isFields(input) && Object.keys(input).length > 0
      ? [...fenced(JSON.stringify(input, null, 2), "json"), ""]
      : []),
    ...(output !== null && output !== "" ? [...fenced(output, ""), ""] : []),
    ...(error !== null ? ["Error:", "", ...fenced(error, ""), ""] : []),
  ];
}

function quoted(text: string): string[] {
  return text.split("\n").map((line) => `> ${line}`.trimEnd());
}

/** A code block in Markdown. Its fence has more backticks than any row of backticks in the text. */
function fenced(text: string, language: string): string[] {
  const longest = (text.match(/`+/g) ?? []).reduce((most, ticks) => Math.max(most, ticks.length), 2);
  const fence = "`".repeat(longest + 1);
  return [`${fence}${language}`, ...text.replace(/\n$/, "").split("\n"), fence];
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, " ");
}
