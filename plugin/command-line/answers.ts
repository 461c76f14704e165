import { adviceFor, adviceOn } from "../faults/catalogue.ts";
import type { ConfirmedFinding, Finding, Verdict } from "../model/finding.ts";
import type { CheckResult } from "../repair/check.ts";
import type { CheckedStore } from "../repair/check-input.ts";
import type { ReportedItem } from "../repair/reported-item.ts";
import { TOOL } from "../tool-identity.ts";
import { systemSentence } from "../words/answers/system.ts";
import { type GivenStore, withGivenStore } from "../words/commands.ts";
import { mendingCommandFor } from "./mending-command.ts";

/** Version of every JSON answer of the command line. */
const SCHEMA_VERSION = 1;

/**
 * A finding for a JSON document, without this tool's internal fields. `advice` says what the user can do if no repair
 * changes the record.
 */
function publicFinding(
  finding: ConfirmedFinding,
  hasDatabase: boolean,
  given: GivenStore,
): Finding & { readonly advice?: string } {
  const {
    seen: _seen,
    replacement: _replacement,
    writtenMs: _writtenMs,
    rebuilt: _rebuilt,
    advice: _own,
    ...rest
  } = finding;
  const advice = adviceOn(finding, hasDatabase);
  return advice === null ? rest : { ...rest, advice: withGivenStore(advice, given) };
}

/**
 * A finding of `--for 2.x` for a JSON document. Only an error has `advice`, because the other findings need no action.
 */
export function findingAnswer(
  finding: ConfirmedFinding & { readonly outcome?: unknown; readonly isByDesign?: unknown },
  given: GivenStore,
) {
  const { outcome: _outcome, isByDesign: _isByDesign, ...rest } = finding;
  const { advice: _advice, ...found } = publicFinding(rest, true, given);
  const advice = adviceOn(finding, true);
  return isAdvised(finding) && advice !== null ? { ...found, advice: withGivenStore(advice, given) } : found;
}

function isAdvised({ severity }: ConfirmedFinding): boolean {
  return severity === "blocking";
}

export function isDatabase({ description }: CheckedStore): boolean {
  return description.database !== undefined;
}

/** The document of `check --json`. */
export function checkAnswer(result: CheckResult, given: GivenStore): object {
  const hasDatabase = result.stores.some(isDatabase);
  const advice = Object.entries(adviceFor(result.findings, hasDatabase));
  const otherSystem = systemSentence(result.stores);
  return {
    schemaVersion: SCHEMA_VERSION,
    tool: TOOL,
    stores: result.stores.map(
      ({ description: { generation, dataDir, database, contract, system }, state, origin, of2x }) => ({
        generation,
        dataDir,
        ...(database === undefined ? {} : { database }),
        contract,
        state,
        ...(origin === null ? {} : { origin: origin.kind }),
        ...(system === "windows" && { system }),
        ...(of2x === undefined ? {} : { opencode2: { sessions: of2x.sessions, messages: of2x.messages } }),
      }),
    ),
    checked: { ...result.counts, durationMs: result.durationMs },
    findings: result.findings.map((finding) => {
      const command = mendingCommandFor(finding, result.dataDir);
      return { ...publicFinding(finding, hasDatabase, given), ...(command !== null && { command }) };
    }),
    advice: Object.fromEntries(advice.map(([code, text]) => [code, withGivenStore(text, given)])),
    ...(result.notFound.length > 0 && { notFound: result.notFound }),
    ...(otherSystem !== null && { otherSystem: withGivenStore(otherSystem, given) }),
    verdict: result.verdict,
  };
}

/** The fields of an answer if the store was not checked afterwards, or not completely. Then its state is unknown. */
export const NOT_REACHED = { remaining: null, verdict: null } as const;

export interface ChangeAnswer {
  readonly runID: string | null;
  readonly manifests: readonly string[];
  readonly items: readonly ReportedItem[];
  /** The problems that remain; `null` if they are unknown (see {@link NOT_REACHED}). */
  readonly remaining: readonly ConfirmedFinding[] | null;
  readonly verdict: Verdict | null;
  readonly message?: string;
}

/** The document of `repair --json` and `restore --json`. */
export function changeAnswer({ message, ...answer }: ChangeAnswer, given: GivenStore): object {
  return {
    schemaVersion: SCHEMA_VERSION,
    tool: TOOL,
    ...answer,
    remaining: answer.remaining?.map((finding) => publicFinding(finding, true, given)) ?? null,
    ...(message === undefined ? {} : { message: withGivenStore(message, given) }),
  };
}

export function listAnswer(content: object): object {
  return { schemaVersion: SCHEMA_VERSION, tool: TOOL, ...content };
}

/** The kind of a problem, if scripts may need to distinguish it from others. */
export type ProblemReason = "no-store" | "no-runtime" | "stopped";

/** The document for a refusal or failure that produced no other document. The document has no verdict. */
export function problemAnswer(message: string, reason: ProblemReason | null): object {
  const why = reason === null ? {} : { reason };
  return { schemaVersion: SCHEMA_VERSION, tool: TOOL, error: message, ...why, verdict: null };
}

/** JSON as text that is harmless on a terminal. JSON itself escapes only the lower half of the control characters. */
export function jsonText(answer: object | string, replacer?: (name: string, value: unknown) => unknown): string {
  return JSON.stringify(answer, replacer, 2).replace(
    /[\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
