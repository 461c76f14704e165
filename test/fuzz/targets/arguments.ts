import { parseArguments } from "../../../plugin/command-line/arguments.ts";
import { demand } from "../defect.ts";

/** Any words are either a valid command line, or get one sentence that says what is wrong with them. */
export function fuzz(data: Uint8Array): void {
  const words = Buffer.from(data).toString("utf8").split("\0");
  const parsed = parseArguments(words);
  if (!parsed.ok) {
    demand(parsed.message.length > 10, `nothing that helps: ${parsed.message}`);
    return;
  }
  const { command, options } = parsed;
  demand(Number.isInteger(options.concurrency) && options.concurrency > 0, "no number of things at once");
  demand(options.dataDir !== "" && options.database !== "", "an empty path");
  const isAsked = "yes" in command && command.yes;
  demand(!isAsked || words.some((word) => /^(--yes|-[a-z]*y)/.test(word)), "a yes that nobody said");
  if (command.name === "purge") demand(command.ageMs >= 0 && Number.isSafeInteger(command.ageMs), "no age");
}
