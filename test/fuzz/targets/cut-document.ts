import { cutDocument, wholeMembers } from "../../../plugin/records/cut-document.ts";
import { checkFor } from "../../../plugin/records/quick-check.ts";
import { messageDocument } from "../../../plugin/records/strict/message.ts";
import { partDocument } from "../../../plugin/records/strict/part.ts";
import { closedMessage, closedPart, lostPart } from "../../../plugin/remedies/recover/closed-document.ts";
import { Choices } from "../choices.ts";
import { demand } from "../defect.ts";

const AROUND = { created: 1_790_000_000_000, updated: 1_790_000_000_500 };

const isPart = checkFor(partDocument);
const isMessage = checkFor(messageDocument);

/**
 * From a cut-off document, only values are read that were in the whole document. opencode can load the record that is
 * made of them.
 */
export function fuzz(data: Uint8Array): void {
  const choices = new Choices(data);
  const cut = choices.byte() * 256 + choices.byte();
  const text = choices.rest().toString("utf8");
  demandClosed(text);
  const whole = objectIn(text);
  if (whole === null) return;
  const isSame = JSON.stringify(cutDocument(text)) === JSON.stringify(whole);
  demand(isSame, "a whole document is read otherwise");
  const document = withoutTwins(text, whole);
  if (document === null) return;
  const left = document.slice(0, cut % (document.length + 1));
  demandClosed(left);
  const found = cutDocument(left);
  demand(found === undefined || isBeginning(found, whole), "something is read that did not stand there");
  for (const [name, value] of Object.entries(wholeMembers(left))) {
    const isSame = Object.hasOwn(whole, name) && JSON.stringify(value) === JSON.stringify(whole[name]);
    demand(isSame, "a member counts as whole, and is not");
  }
}

function demandClosed(left: string): void {
  demand(isPart(closedPart(left, AROUND) ?? lostPart()), "a closed part that no host loads");
  demand(isMessage(closedMessage(left, AROUND)), "a closed message that no host loads");
}

function objectIn(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

/**
 * The text, or `null` if an object in it has two members of the same name. JSON uses the last of the two, and a cut may
 * remove it.
 */
function withoutTwins(text: string, whole: object): string | null {
  const bare = (from: string) => from.replace(/\s+/g, "").length;
  const again = JSON.stringify(whole);
  if (bare(again) === bare(text) && again.split(":").length === text.split(":").length) return text;
  return null;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isBeginning(found: unknown, whole: unknown): boolean {
  if (typeof found === "string") return typeof whole === "string" && whole.startsWith(found);
  if (Array.isArray(found)) {
    return (
      Array.isArray(whole) && found.every((each, index) => index < whole.length && isBeginning(each, whole[index]))
    );
  }
  if (!isObject(found)) return Object.is(found, whole);
  return (
    isObject(whole) &&
    Object.entries(found).every(([name, each]) => Object.hasOwn(whole, name) && isBeginning(each, whole[name]))
  );
}
