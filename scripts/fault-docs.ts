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
  quarantine: "moved to quarantine; can be undone",
  recover: "recovered: opencode's own exact copy takes its place; the original is kept in quarantine",
  normalise: "completed by one of the rules below, after asking; the original is kept in quarantine",
  settle: "closed, after asking: it gets the state that opencode writes on abort",
  report: "reported, not touched",
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

Whether a finding is \`blocking\` depends on the host of the store, because a record may load in one version and not in
another. A finding is \`blocking\` if one of these is true for that host:

- The host does not start.
- The host answers one of these requests with an error: GET /session, /session/:id, /session/:id/message, /session/:id/todo, /session/:id/diff.
- The host leaves a record out of the list.

\`npm run oracle\` compares this with real hosts. In "Known as", letters with a number are classes of collected cases. Other
numbers are issues and pull requests of anomalyco/opencode.

${families.join("\n")}
## Records that are completed

Some records can be read, but their host refuses a value in them. Each rule takes such a value from the same store. A
record is completed if there is a rule for every refused value, and the host accepts the result. Otherwise the record is not
changed at all. The rules change no other value, and the original stays in quarantine. Records are completed only when you
ask, and you see each field before. Each rule is tried on real hosts (test/host/normalise.test.ts).

| rule | must hold | the value is taken from |
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
  const unasked = fault.unasked ? ". When opencode starts, this is done without asking" : "";
  return `### \`${fault.code}\`

${/^(?!auth\.json|opencode )[a-z]/.test(fault.title) ? `${subject} ${fault.title}` : fault.title}.

- Must hold: ${fault.invariant}
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
