import { diagnose } from "../../../plugin/faults/diagnose.ts";
import { looksHealthy, looksHealthyThroughout } from "../../../plugin/faults/quick-look.ts";
import { fits } from "../../../plugin/records/contract.ts";
import { judge } from "../../../plugin/records/judge.ts";
import { summarise } from "../../../plugin/report/incidents.ts";
import { DIFFS_OF_NO_SESSION } from "../../../plugin/words/sources.ts";
import { Choices } from "../choices.ts";
import { demand } from "../defect.ts";
import { FIELD_NAMES } from "../field-names.ts";
import { chosenSubject, type Subject } from "../subjects.ts";

const NOW = 1_795_000_000_000;

/**
 * The quick check, the exact check and the diagnosis agree on every record. The evidence contains nothing of the
 * record's content.
 */
export function fuzz(data: Uint8Array): void {
  const subject = chosenSubject(new Choices(data));
  const { store, artifact, evidence, value } = subject;
  const bytes = evidence.bytes === null ? null : Buffer.from(evidence.bytes);
  const diagnosis = diagnose(artifact, evidence, store, NOW, true);
  demand(bytes === null || bytes.equals(Buffer.from(evidence.bytes ?? [])), "the record was changed");
  // opencode gets a BLOB as a list of numbers, which can be valid JSON.
  if (value === undefined) demand(diagnosis !== null || evidence.storage === "blob", "what no host reads is healthy");
  else demandAgreement(subject, diagnosis === null);
  if (diagnosis === null) return;
  demand(saysNothing(diagnosis.evidence), `evidence that may hold content: ${diagnosis.evidence}`);
  const finding = { ...diagnosis, code: diagnosis.fault.code, kind: artifact.kind, sessionID: "ses_1" };
  const [summary] = summarise([{ finding, bytes: evidence.size, writtenMs: evidence.updatedMs }]);
  const words = summary?.evidence[0]?.words ?? "";
  demand(!/\d|ses_|msg_|prt_/.test(words.replaceAll('"ses"', "")), `a report that names something: ${words}`);
}

function demandAgreement({ store, artifact, evidence, value }: Subject, isHealthy: boolean): void {
  const judgement = judge(artifact, value, evidence, store);
  demand(fits(artifact, value, evidence, store) === (judgement === "fits"), "the two readings disagree");
  if (judgement !== "fits" && judgement !== "no-record") demand(judgement.length > 0, "refused for nothing");
  const text = evidence.storage === "row" ? null : Buffer.from(evidence.bytes ?? []).toString("utf8");
  // opencode reads another text than these bytes if they begin with a byte order mark or are not valid UTF-8.
  const isPlain = text === null || Buffer.from(text).equals(Buffer.from(evidence.bytes ?? []));
  if (!isPlain || text?.startsWith("\ufeff") === true || evidence.storage === "blob") return;
  const looks = looksHealthy(artifact, text, evidence.row, store);
  if (looks) demand(isHealthy, "the quick look passes what the diagnosis does not");
  else demand(!isHealthy || !evidence.reachable, "the diagnosis passes what the quick look does not");
  const { kind, recordID, sessionID } = artifact;
  if ((kind !== "part" && kind !== "message") || evidence.storage !== "text") return;
  // In a bundle, each byte of the text becomes one character.
  const documents: unknown[] = isHealthy ? [JSON.parse(Buffer.from(text ?? "").toString("latin1"))] : [value];
  const bundle = { kind, documents, idBeginning: recordID ?? "", sessionIDBeginning: sessionID ?? "" };
  demand(looksHealthyThroughout(bundle, store) === looks, "the look at many at once disagrees");
}

const TYPE = "(an? [a-z]+|an infinite number|null|nothing|a BLOB)";

const EVIDENCE = [
  /^\d+ bytes?(, all NUL|, the last \d+ are NUL|, nothing but white space|, the document does not end|, wrong at byte \d+)?$/,
  /^(object|array|null|string|number|boolean), \d+ bytes?$/,
  /^BLOB of \d+ bytes?$/,
  /^the terminal UI shows nothing of the (message|part)$/,
  /^(no process works on it|unchanged for \d+ hours)$/,
];

const WORDS = [
  new RegExp(`^expected ${TYPE}, got ${TYPE}$`),
  new RegExp(`^cannot be ${TYPE}$`),
  /^(missing|is there|null|negative|beyond the exact integers|unknown value|not an absolute path)$/,
  /^does not begin with "(ses|msg|prt|wrk)"$/,
  /^(names a workspace that is not there|differs from the name of the file)$/,
];

const EFFECT =
  /^(GET \/session(\/:id\/(message|todo)|\?start=)? fails|every request to a newly started opencode( in another worktree of the project)? fails|no session leads to it|the terminal UI of opencode [\d.]+ to [\d.]+ ends when this session is opened, [\d.]+ and newer show it)$/;

/** Whether the evidence consists only of words of the catalogue, numbers, and names of opencode's fields. */
function saysNothing(said: string): boolean {
  // Diffs of a deleted session have their own text for the effect.
  const evidence = said.replace(`; ${DIFFS_OF_NO_SESSION}`, "");
  if (EVIDENCE.some((form) => form.test(evidence))) return true;
  const [, path = "", words = "", effect = ""] = /^(.*?): (.*?)(?: and \d+ more)?; (.*)$/.exec(evidence) ?? [];
  const names = path.replace(/^(parts\[(\d+|…)\]|info)\.?/, "").split(/\.|\[(?:\d+|…)\]/);
  const isKnown = (name: string) => name === "" || FIELD_NAMES.has(name);
  const choices = /^expected (.+)$/.exec(words)?.[1]?.split(" or ") ?? [""];
  const isSaid =
    WORDS.some((form) => form.test(words)) || choices.every((name) => name !== "" && FIELD_NAMES.has(name));
  return names.every(isKnown) && isSaid && EFFECT.test(effect);
}
