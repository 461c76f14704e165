import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { cutDocument } from "../../../plugin/records/cut-document.ts";
import { lostCharacters, textBeginning } from "../../../plugin/records/file-text.ts";
import { checkFor } from "../../../plugin/records/quick-check.ts";
import { messageDocument } from "../../../plugin/records/strict/message.ts";
import { partDocument } from "../../../plugin/records/strict/part.ts";
import { closedMessage, closedPart, lostPart } from "../../../plugin/remedies/recover/closed-document.ts";
import "../../property/seeded.ts";

const TIMES = { created: 1000, updated: 2000 };

describe("a document that was cut off", () => {
  test("keeps every complete member, and the beginning of a string", () => {
    expect(cutDocument('{"type":"text","text":"half of a sen')).toEqual({ type: "text", text: "half of a sen" });
    expect(cutDocument('{"a":1,"b":[1,2,{"c":"d"},{"e"')).toEqual({ a: 1, b: [1, 2, { c: "d" }, {}] });
    expect(cutDocument('{"a":"x\\')).toEqual({ a: "x" });
    expect(cutDocument('{"a":12')).toEqual({});
    expect(cutDocument("")).toBeUndefined();
  });

  test("ends where the noise begins", () => {
    expect(cutDocument('{"text":"good\u0000\u0000\u0000 bad","other":1}')).toEqual({ text: "good" });
    const damaged = Buffer.from('{"text":"good?bad"}').fill(0xff, 13, 14);
    expect(cutDocument(textBeginning(damaged))).toEqual({ text: "good" });
  });

  test("a replacement character that really stands in it is text like any other", () => {
    const output = Buffer.from('{"type":"text","text":"a \ufffd b \ufffd c');
    expect(cutDocument(textBeginning(output))).toEqual({ type: "text", text: "a \ufffd b \ufffd c" });
    const cutInLetter = Buffer.concat([output, Buffer.from("\u20ac").subarray(0, 2)]);
    expect(textBeginning(cutInLetter)).toBe(output.toString());
    const marked = Buffer.concat([Buffer.from("\ufeff"), cutInLetter]);
    expect(textBeginning(marked)).toBe(output.toString());
    expect(lostCharacters(cutInLetter)).toBe(1);
  });

  test("a tool call keeps its name and its id, or is none: no half of them is made up", () => {
    const call =
      '{"type":"tool","callID":"call_1","tool":"bash","state":{"status":"completed","input":{"a":1},"output":"o"}}';
    const isClosed = (length: number) => closedPart(call.slice(0, length), TIMES) !== null;
    const state = call.indexOf('"state":{') + '"state":{'.length;
    expect([isClosed(state - 20), isClosed(call.indexOf("bash") + 2), isClosed(state)]).toEqual([false, false, true]);
    for (let length = state; length < call.length; length += 1) {
      expect(closedPart(call.slice(0, length), TIMES)).toMatchObject({ callID: "call_1", tool: "bash" });
    }
  });

  test("the note stands where the document breaks off, and not behind a text that is complete", () => {
    const NOTE = "[opencode-session-repair: the rest of this was lost]";
    const start = '{"type":"tool","callID":"c","tool":"bash","state":{"status":"completed","input":{},"output":"whole';
    const state = (cut: string) => closedPart(cut, TIMES)?.state as Record<string, unknown>;
    expect(state(start).output).toBe(`whole\n${NOTE}`);
    expect(state(`${start}","metadata":{"output":"who`)).toMatchObject({
      output: "whole",
      metadata: { output: `who\n${NOTE}` },
    });
    expect(state(`${start}","metadata":{"output":"whole"},"time":{"st`)).toMatchObject({
      output: "whole",
      metadata: { output: "whole" },
    });
    expect(closedPart('{"type":"text","text":"whole","time":{"sta', TIMES)).toMatchObject({ text: "whole" });
    expect(closedPart('{"type":"text","text":"who', TIMES)).toMatchObject({ text: `who\n${NOTE}` });
  });

  test("what the model did not see stays hidden from it", () => {
    const cut = '{"type":"text","text":"only for the user","ignored":true,"time":{"sta';
    expect(closedPart(cut, TIMES)).toMatchObject({ ignored: true, time: { start: 1000, end: 2000 } });
  });

  test("never says what did not stand there", () => {
    const cuts = fc
      .tuple(fc.json(), fc.nat())
      .map(([text, at]) => [text, text.slice(0, at % (text.length + 1))] as const);
    fc.assert(
      fc.property(cuts, ([text, cut]) => {
        const value = cutDocument(cut);
        if (value !== undefined) expect(isBeginning(value, JSON.parse(text))).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

/**
 * Whether `whole` contains every value of `part` at the same place. A text in `part` may be the beginning of the text
 * in `whole`.
 */
function isBeginning(part: unknown, whole: unknown): boolean {
  if (typeof part === "string") return typeof whole === "string" && whole.startsWith(part);
  if (typeof part !== "object" || part === null) return Object.is(part, whole) || part === whole;
  if (typeof whole !== "object" || whole === null) return false;
  return Object.entries(part).every(([key, value]) => isBeginning(value, (whole as Record<string, unknown>)[key]));
}

describe("what the host is given", () => {
  const isPart = checkFor(partDocument);
  const isMessage = checkFor(messageDocument);
  const parts = [
    { type: "text", text: "a".repeat(50), time: { start: 1, end: 2 } },
    { type: "reasoning", text: "b".repeat(50), time: { start: 1 } },
    {
      type: "tool",
      tool: "bash",
      callID: "call",
      state: {
        status: "completed",
        input: { a: 1 },
        output: "c".repeat(50),
        title: "t",
        metadata: {},
        time: { start: 1, end: 2 },
      },
    },
    { type: "file", mime: "text/plain", url: "data:,x", filename: "x" },
    {
      type: "step-finish",
      reason: "stop",
      cost: 0,
      tokens: { input: 1, output: 1, reasoning: 0, cache: { read: 0, write: 0 } },
    },
  ];

  test("loads wherever a part breaks off, and keeps what was said", () => {
    for (const part of parts) {
      const text = JSON.stringify(part);
      for (let at = 0; at <= text.length; at += 1)
        expect(isPart(closedPart(text.slice(0, at), TIMES) ?? lostPart())).toBe(true);
    }
    const cut = closedPart(
      '{"type":"tool","callID":"c","tool":"bash","state":{"status":"completed","input":{},"output":"line 1',
      TIMES,
    );
    expect(JSON.stringify(cut)).toContain("line 1");
  });

  test("loads wherever a message breaks off", () => {
    const assistant = JSON.stringify({
      ...{ role: "assistant", time: { created: 5, completed: 6 }, parentID: "msg_a", modelID: "m", providerID: "p" },
      ...{ mode: "build", agent: "build", path: { cwd: "/a", root: "/a" }, cost: 1 },
      tokens: { input: 1, output: 1, reasoning: 0, cache: { read: 0, write: 0 } },
    });
    const user = JSON.stringify({
      role: "user",
      time: { created: 5 },
      agent: "build",
      model: { providerID: "p", modelID: "m" },
    });
    for (const text of [assistant, user]) {
      for (let at = 0; at <= text.length; at += 1)
        expect(isMessage(closedMessage(text.slice(0, at), TIMES))).toBe(true);
    }
    expect(closedMessage(assistant.slice(0, -80), TIMES)).toMatchObject({
      modelID: "m",
      path: { cwd: "/a", root: "/a" },
    });
  });
});
