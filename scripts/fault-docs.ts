import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FAULT_FAMILIES } from "../plugin/faults/catalogue.ts";
import type { Fault } from "../plugin/faults/fault.ts";
import { UNDETECTED } from "../plugin/faults/undetected.ts";
import type { Remedy } from "../plugin/model/finding.ts";
import { RULES } from "../plugin/remedies/complete/catalogue.ts";

/** The file in which the catalogue of faults is published. */
export const FAULT_DOCUMENT = join(import.meta.dirname, "..", "docs", "faults.md");

const REMEDIES: Readonly<Record<Remedy, string>> = {
  quarantine: "The damaged record or file is moved to quarantine. You can undo that",
  recover: "opencode's own exact copy replaces the record. The original stays in quarantine",
  normalise: "After you confirm, the record is completed by one of the rules below. The original stays in quarantine",
  settle: "After you confirm, the record is closed: it gets the state that opencode writes when you abort a turn",
  report: "The problem is only reported. Nothing is changed",
};

/** The catalogue of faults and the rules for completing records, as a Markdown document. */
export function faultDocument(): string {
  const families = Object.entries(FAULT_FAMILIES).map(
    ([family, faults]) => `## ${family}\n\n${faults.map((fault) => entry(fault, subjectOf(family))).join("\n")}`,
  );
  const rules = RULES.map(({ name, issues, invariant, source }) => {
    const known = issues.length === 0 ? "" : ` (${issues.map((issue) => `#${issue}`).join(", ")})`;
    return `| \`${name}\` | ${invariant}${known} | ${source} |`;
  });
  const rest = UNDETECTED.map(({ what, why, classes }) => `- **${what}** (${classes.join(", ")}). ${why}`);
  return `# What the check finds

<!-- Written by scripts/fault-docs.ts from plugin/faults/. Change it there, then: bun scripts/fault-docs.ts -->

Whether a problem is an error (\`blocking\`) depends on the opencode version that loads the store. One version may load a
record on which another version fails. A problem is an error if one of these statements is true for that version:

- opencode does not start.
- opencode answers one of these requests with an error: GET /session, /session/:id, /session/:id/message, /session/:id/todo, /session/:id/diff.
- opencode leaves a record out of a list.

\`npm run oracle\` compares these statements with real opencode versions. After "Known as", a letter with a number names a
class of collected cases. A number with \`#\` is an issue or pull request of anomalyco/opencode.

${families.join("\n")}
## Records that are completed

Some records can be read, but opencode refuses a value in them. For each refused value, a rule takes a new value from the
same store. A record is completed only if there is a rule for every refused value, and opencode accepts the result.
Otherwise the record is not changed at all. The rules change no other value, and the original stays in quarantine. Records
are completed only after you confirm. Before that, you see each field that changes. Each rule is tested with real opencode
versions (test/host/normalise.test.ts).

| rule | what must be true | the new value |
|---|---|---|
${rules.join("\n")}

## Not looked for

${rest.join("\n")}
`;
}

/** The subject for a title that consists only of a verb and its object. */
function subjectOf(family: string): string {
  return family.startsWith("Files") ? "The file" : "The record";
}

function entry(fault: Fault, subject: string): string {
  const issues = fault.issues.map((issue) => `#${issue}`).join(", ");
  const notes = [fault.classes.join(", "), issues].filter((note) => note !== "").join(" · ");
  const unasked = fault.unasked ? ". When opencode starts, the plugin does this without asking" : "";
  return `### \`${fault.code}\`

${/^(?!auth\.json|opencode )[a-z]/.test(fault.title) ? `${subject} ${fault.title}` : fault.title}.

- What must be true: ${fault.invariant}
- Cause: ${fault.cause}
- What happens: ${REMEDIES[fault.remedy]}${unasked}.
- Advice: ${fault.advice}
${notes === "" ? "" : `- Known as: ${notes}\n`}`;
}

if (import.meta.main) {
  const document = faultDocument();
  const before = await readFile(FAULT_DOCUMENT, "utf8").catch(() => "");
  if (before !== document) await writeFile(FAULT_DOCUMENT, document);
}
