import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FAULT_FAMILIES } from "../plugin/faults/catalogue.ts";
import type { Fault } from "../plugin/faults/fault.ts";
import { UNDETECTED } from "../plugin/faults/undetected.ts";
import type { Remedy } from "../plugin/model/finding.ts";
import { RULES } from "../plugin/remedies/complete/catalogue.ts";

/** The file in which the catalogue of faults is published. */
export const FAULT_DOCUMENT = join(import.meta.dirname, "..", "docs", "faults.md");

/** The sentence about each remedy. `report` has no sentence, because it is the remedy of most entries. */
const REMEDIES: Readonly<Record<Exclude<Remedy, "report">, string>> = {
  quarantine:
    "At the start of opencode, the plugin moves the record or file to quarantine without asking. You can undo the move",
  recover: "If you ask, `repair` adds what is missing, where the tool can derive it. You can undo the repair",
  normalise: "If a rule at the end of this page fits, `repair` completes the record. The original stays in quarantine",
  settle: "`repair --only` with this code gives the record the state that opencode writes when you abort a turn",
};

/**
 * Sentences for problems whose repair differs from the usual remedy. They replace the sentences in {@link REMEDIES}.
 */
const OWN_REMEDIES: Readonly<Record<string, string>> = {
  "lost-record":
    "If you ask, `repair` restores the record from the exact copy in opencode's log. You can undo the repair",
};

/** The catalogue of faults and the rules for completing records, as a Markdown document. */
export function faultDocument(): string {
  const families = Object.entries(FAULT_FAMILIES).map(
    ([family, faults]) => `## ${family}\n\n${faults.map((fault) => entry(fault, subjectOf(family, fault))).join("\n")}`,
  );
  const rules = RULES.map(({ name, issues, invariant, source }) => {
    const known = issues.length === 0 ? "" : ` (${issues.map((issue) => `#${issue}`).join(", ")})`;
    return `| \`${name}\` | ${invariant}${known} | ${source} |`;
  });
  const rest = UNDETECTED.map(({ what, why }) => `- **${what}.** ${why}`);
  return `# What the check finds

<!-- Written by scripts/fault-docs.ts from plugin/faults/. Change it there, then: bun scripts/fault-docs.ts -->

Whether a problem is an error (\`blocking\`) depends on the opencode version that you use: one version may load a record on
which another version fails. A problem is an error if, because of this problem, one of these statements is true:

- opencode does not start.
- opencode answers one of these requests with an error: GET /session, /session/:id, /session/:id/message, /session/:id/todo, /session/:id/diff.
- opencode leaves a record out of a list.

\`npm run oracle\` tests with real opencode versions whether these statements are true. A number with \`#\` is an issue or
pull request of anomalyco/opencode. If an entry does not say what happens, the tool only reports the problem and changes
nothing.

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

/** The subjects of titles that are about neither a record nor a file. */
const SUBJECTS: Readonly<Record<string, string>> = {
  "stray-file": "This",
  "lost-message-record": "The message",
  "lost-session-record": "The session",
  "migration-failing": "The message",
  "event-sequence-behind": "The database",
  "continued-in-opencode-1": "The session",
  "incomplete-in-opencode-2": "The session",
  "not-in-opencode-2": "The session",
  "duplicate-project": "The project",
  "folder-missing": "The project",
  "project-missing": "The project",
  "message-id-wrap": "The session",
};

/** The subject for a title that consists only of a verb and its object. */
function subjectOf(family: string, { code }: Fault): string {
  return SUBJECTS[code] ?? (family.startsWith("Files") ? "The file" : "The record");
}

function entry(fault: Fault, subject: string): string {
  const issues = fault.issues.map((issue) => `#${issue}`).join(", ");
  return `### \`${fault.code}\`

${/^(?!auth\.json|opencode )[a-z]/.test(fault.title) ? `${subject} ${fault.title}` : fault.title}.

- What must be true: ${fault.invariant}
- Cause: ${fault.cause}
${fault.remedy === "report" ? "" : `- What happens: ${OWN_REMEDIES[fault.code] ?? REMEDIES[fault.remedy]}.\n`}- Advice: ${fault.advice}
${issues === "" ? "" : `- Issues: ${issues}\n`}`;
}

if (import.meta.main) {
  const document = faultDocument();
  const before = await readFile(FAULT_DOCUMENT, "utf8").catch(() => "");
  if (before !== document) await writeFile(FAULT_DOCUMENT, document);
}
