import { setPriority } from "node:os";
import { parseArgs } from "node:util";
import type { RecordKind } from "../plugin/model/artifact.ts";
import { type HostVersion, hostBinary, publishedVersions } from "../test/host/binary.ts";
import { type Disagreement, type OracleResult, runOracle } from "../test/oracle/oracle.ts";
import { runPreviewOracle } from "../test/oracle/preview.ts";

const { values } = parseArgs({
  options: {
    host: { type: "string", multiple: true },
    seed: { type: "string", default: String(Math.floor(Math.random() * 1e9)) },
    count: { type: "string", default: "1000" },
    kind: { type: "string", multiple: true },
  },
});

if (values.host === undefined) {
  process.stderr.write(
    "Usage: npm run oracle -- --host VERSION|any|2-preview… [--seed N] [--count N] [--kind part]…\n",
  );
  process.exit(2);
}
// A low priority, so that other programs on the machine are not slowed down. The opencode processes inherit the
// priority.
setPriority(10);
const seed = Number(values.seed);
const count = Number(values.count);
/** The name for the preview of opencode 2.x. This name selects a comparison of the tables that 2.x reads. */
const PREVIEW = "2-preview";
const versions = values.host.includes("any")
  ? await publishedVersions()
  : (values.host as (HostVersion | typeof PREVIEW)[]);

/** The result for one version: how often `check` and opencode agree, or why that could not be measured. */
type Answer = { readonly version: HostVersion | typeof PREVIEW } & (
  | { readonly result: OracleResult; readonly seconds: number }
  | { readonly unavailable: string }
);

const answers: Answer[] = [];
for (const version of versions) {
  const answer = await ask(version);
  answers.push(answer);
  process.stdout.write(`${lineOf(answer)}\n`);
}
if (answers.length > 1) process.stdout.write(`\n${table(answers)}`);
process.exitCode = answers.every((answer) => "result" in answer && answer.result.disagreements.length === 0) ? 0 : 1;

async function ask(version: Answer["version"]): Promise<Answer> {
  const started = performance.now();
  try {
    const result = await compared(version);
    return { version, result, seconds: (performance.now() - started) / 1000 };
  } catch (error) {
    // If npm does not have a version, or a version does not start, the other versions are measured anyway.
    return { version, unavailable: error instanceof Error ? error.message.slice(0, 300) : String(error) };
  }
}

async function compared(version: Answer["version"]): Promise<OracleResult> {
  if (version === PREVIEW) return runPreviewOracle({ seed, count, onDisagreement: tell });
  await hostBinary(version);
  const kinds = values.kind as RecordKind[] | undefined;
  return runOracle({ version, seed, count, ...(kinds && { kinds }), onDisagreement: tell });
}

function tell({ index, what, locator, host, check }: Disagreement): void {
  process.stdout.write(`#${index} ${locator}\n  ${what}\n  host:  ${host}\n  check: ${check}\n`);
}

function agreement({ mutations, disagreements }: OracleResult): string {
  return `${((100 * (mutations - disagreements.length)) / mutations).toFixed(2)} %`;
}

function lineOf(answer: Answer): string {
  if (!("result" in answer)) return `opencode ${answer.version}: not measured: ${answer.unavailable}`;
  const { version, result, seconds } = answer;
  const agreed = result.mutations - result.disagreements.length;
  return (
    `opencode ${version}, seed ${seed}: ${agreed} of ${result.mutations} agree ` +
    `(${agreement(result)}; the host fails on ${result.failing}), ${seconds.toFixed(0)} s`
  );
}

/** The results as the table that docs/oracle.md contains. */
function table(all: readonly Answer[]): string {
  const rows = all.map((answer) => {
    if (!("result" in answer)) return `| ${answer.version} | not measured | | |\n`;
    const { mutations, failing } = answer.result;
    return `| ${answer.version} | ${mutations} | ${failing} | ${agreement(answer.result)} |\n`;
  });
  return `| opencode | mutations | the host fails on | agreement |\n|---|---|---|---|\n${rows.join("")}`;
}
