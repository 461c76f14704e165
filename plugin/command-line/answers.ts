import { adviceFor } from "../faults/catalogue.ts";
import type { ReportedItem } from "../repair/apply.ts";
import type { CheckResult } from "../repair/check.ts";
import type { ConfirmedFinding, Finding, Verdict } from "../repair/finding.ts";
import { TOOL } from "../tool-identity.ts";
import { commandFor } from "./text.ts";

/** Version of every JSON answer of the command line. */
const SCHEMA_VERSION = 1;

function publicFinding(finding: ConfirmedFinding): Finding {
  const {
    seen: _seen,
    replacement: _replacement,
    writtenMs: _writtenMs,
    rebuilt: _rebuilt,
    advice: _,
    ...rest
  } = finding;
  return rest;
}

/** The document of `check --json`. */
export function checkAnswer(result: CheckResult): object {
  return {
    schemaVersion: SCHEMA_VERSION,
    tool: TOOL,
    stores: result.stores.map(({ description: { generation, dataDir, database, contract }, state, origin }) => ({
      generation,
      dataDir,
      ...(database === undefined ? {} : { database }),
      contract,
      state,
      ...(origin === null ? {} : { origin: origin.kind }),
    })),
    checked: { ...result.counts, durationMs: result.durationMs },
    findings: result.findings.map((finding) => {
      const command = commandFor(finding, result.dataDir);
      return { ...publicFinding(finding), ...(command !== null && { command }) };
    }),
    advice: adviceFor(result.findings),
    verdict: result.verdict,
  };
}

export interface ChangeAnswer {
  readonly runID: string | null;
  readonly manifests: readonly string[];
  readonly items: readonly ReportedItem[];
  readonly remaining: readonly ConfirmedFinding[];
  readonly verdict: Verdict;
  readonly message?: string;
}

/** The document of `repair --json` and `restore --json`. */
export function changeAnswer(answer: ChangeAnswer): object {
  return { schemaVersion: SCHEMA_VERSION, tool: TOOL, ...answer, remaining: answer.remaining.map(publicFinding) };
}

export function listAnswer(content: object): object {
  return { schemaVersion: SCHEMA_VERSION, tool: TOOL, ...content };
}

/** A refusal or failure that left no other document. */
export function problemAnswer(message: string): object {
  return { schemaVersion: SCHEMA_VERSION, tool: TOOL, error: message };
}

/** As text that does nothing to a terminal that it is shown on: JSON itself escapes the lower half of the controls. */
export function jsonText(answer: object): string {
  return JSON.stringify(answer, null, 2).replace(
    /[\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
