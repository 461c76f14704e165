import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { asNewer, mismatchesOnScreen, NOTHING_NEWER, together } from "../../plugin/hosts/screen.ts";
import { screenPath } from "../../plugin/hosts/screen-demand.ts";
import type { NewerMessages } from "../../plugin/model/artifact.ts";
import { toolFor } from "../host/tool.ts";
import { CREATED, sampleContent, sessionContent } from "../stores/content.ts";
import { createJsonStore } from "../stores/json-fixture.ts";
import { createSqliteStore } from "../stores/sqlite-fixture.ts";
import type { StoreUnderTest } from "../stores/store-under-test.ts";
import { OLDEST_SCREENS, SCREEN } from "./screens.ts";

type Fields = Readonly<Record<string, unknown>>;

const TOKENS = { input: 1, output: 5, reasoning: 0, cache: { read: 0, write: 0 } };
const ANSWER: Fields = {
  role: "assistant",
  time: { created: 1, completed: 2 },
  parentID: "msg_1",
  modelID: "m",
  providerID: "p",
  mode: "build",
  agent: "build",
  path: { cwd: "/p", root: "/p" },
  cost: 0,
  tokens: TOKENS,
  finish: "stop",
};
const MIDDLE: Fields = { ...ANSWER, finish: "tool-calls" };

/** The values of an answer that the screen of 1.2.27 cannot print. `newer` lists the later messages in order. */
function found(answer: unknown, ...newer: readonly unknown[]): string[] {
  const behind = newer.map(asNewer).reduce(together, NOTHING_NEWER);
  return mismatchesOnScreen("message", answer, SCREEN["1.2"], behind).map(screenPath);
}

/** Each expected value was measured in a real terminal with `bun test/terminal/screen-run.ts --host VERSION`. */
describe("what the screen cannot print of an answer", () => {
  test("its time, unless a newer answer still runs and it is not the end of its turn", () => {
    const running = { ...ANSWER, time: { created: 3 } };
    expect(found({ ...MIDDLE, time: undefined }, ANSWER)).toEqual(["time"]);
    expect(found({ ...MIDDLE, time: null })).toEqual(["time"]);
    expect(found({ ...MIDDLE, time: null }, running)).toEqual([]);
    expect(found({ ...ANSWER, time: null }, running)).toEqual(["time"]);
    // An answer without a time does not count as a running answer, so the screen fails on both answers.
    expect(found({ ...MIDDLE, time: null }, { ...ANSWER, time: null })).toEqual(["time"]);
    expect(found({ ...ANSWER, time: 5 })).toEqual([]);
  });

  test("its mode, below the newest answer and at the end of a turn", () => {
    expect(found({ ...ANSWER, mode: undefined }, ANSWER)).toEqual(["mode"]);
    expect(found({ ...ANSWER, mode: 5 }, ANSWER)).toEqual(["mode"]);
    expect(found({ ...MIDDLE, mode: null })).toEqual(["mode"]);
    expect(found({ ...MIDDLE, mode: null }, { role: "user" })).toEqual(["mode"]);
    expect(found({ ...MIDDLE, mode: null }, ANSWER)).toEqual([]);
    expect(found({ ...ANSWER, mode: "" })).toEqual([]);
    const aborted = { ...MIDDLE, mode: null, error: { name: "MessageAbortedError", data: {} } };
    expect(found(aborted, ANSWER)).toEqual(["mode"]);
  });

  test("its tokens, unless a newer answer returned some", () => {
    expect(found({ ...ANSWER, tokens: undefined })).toEqual(["tokens"]);
    expect(found({ ...ANSWER, tokens: undefined }, ANSWER)).toEqual([]);
    expect(found({ ...ANSWER, tokens: undefined }, { ...ANSWER, tokens: { ...TOKENS, output: 0 } })).toEqual([
      "tokens",
    ]);
    expect(found({ ...ANSWER, tokens: { input: 1, output: 5 } })).toEqual(["tokens.cache"]);
    expect(found({ ...ANSWER, tokens: { input: 1, output: 0 } })).toEqual([]);
    expect(found({ ...ANSWER, tokens: 5 })).toEqual([]);
  });

  test("its error, whatever follows; not that of an abort, but in 1.0", () => {
    const failed = (error: unknown) => found({ ...ANSWER, error }, ANSWER, ANSWER);
    expect(failed({ name: "APIError" })).toEqual(["error.data"]);
    expect(failed({ name: "APIError", data: null })).toEqual(["error.data"]);
    expect(failed({ name: "APIError", data: { message: { a: 1 } } })).toEqual(["error.data.message"]);
    expect(failed("it failed")).toEqual(["error"]);
    for (const shown of [null, 0, "", { name: "APIError", data: "x" }, { name: "APIError", data: { message: 5 } }]) {
      expect(failed(shown)).toEqual([]);
    }
    expect(failed({ name: "MessageAbortedError" })).toEqual([]);
    const inOldest = mismatchesOnScreen(
      "message",
      { ...ANSWER, error: { name: "MessageAbortedError" } },
      SCREEN["1.0"],
    );
    expect(inOldest.map(screenPath)).toEqual(["error.data"]);
  });

  test("nothing of a message that the screen does not fetch, of a question, and of an answer as hosts write it", () => {
    const many = Array.from({ length: 100 }, () => ({ ...MIDDLE, tokens: undefined }));
    expect(found({ ...ANSWER, mode: null }, ...many.slice(1))).toEqual(["mode"]);
    expect(found({ ...ANSWER, mode: null }, ...many)).toEqual([]);
    expect(found({ role: "user" })).toEqual([]);
    for (const screen of Object.values(SCREEN)) {
      expect(mismatchesOnScreen("message", ANSWER, screen)).toEqual([]);
      expect(mismatchesOnScreen("message", { ...MIDDLE, time: { created: 1 } }, screen)).toEqual([]);
    }
  });
});

/** The code of each version shows these values. `bun test/terminal/screen-cases.ts --host VERSION` confirmed them. */
describe("what the screens before 1.0.142 cannot print of a message", () => {
  const screens = [...Object.values(OLDEST_SCREENS), SCREEN["1.0"]];
  const in100 = (message: unknown, around: Partial<NewerMessages>) =>
    screens.map((screen) =>
      mismatchesOnScreen("message", message, screen, { ...NOTHING_NEWER, ...around })
        .map(screenPath)
        .join(),
    );
  const older = { count: 1, anyAnswer: true, anyOutput: true };
  const ended = { anyStop: true, anyWithCalls: false };
  const called = { anyStop: false, anyWithCalls: true };
  const neither = { anyStop: false, anyWithCalls: false };

  test("the mode of an answer whose steps ended, whatever its `finish` says", () => {
    const bare = { ...ANSWER, mode: null, finish: undefined };
    expect(in100(bare, { ...older, steps: ended })).toEqual(["mode", "mode", "mode", ""]);
    expect(in100(bare, { ...older, steps: called })).toEqual(["", "", "", ""]);
    expect(in100({ ...bare, finish: "stop" }, { ...older, steps: neither })).toEqual(["", "", "", "mode"]);
    // In the next two lines, no message is newer than this one.
    expect(in100(bare, { steps: called })).toEqual(["mode", "mode", "mode", "mode"]);
    expect(in100(bare, { steps: neither })).toEqual(["", "", "mode", "mode"]);
  });

  test("the mode of an answer that runs, and not its model, up to 1.0.61", () => {
    const running = { ...ANSWER, time: { created: 1 }, finish: undefined };
    expect(in100({ ...running, mode: null }, { ...older, steps: neither })).toEqual(["mode", "mode", "", ""]);
    expect(in100({ ...running, modelID: {} }, { steps: neither })).toEqual(["", "", "modelID", "modelID"]);
  });

  test("the time of every message that is printed", () => {
    const running = { ...older, anyUnfinished: true };
    expect(in100({ ...ANSWER, time: null, finish: undefined }, running)).toEqual(["time", "time", "time", ""]);
    expect(in100({ role: "user" }, { shownIn: "question" })).toEqual(["time", "time", "time", ""]);
    expect(in100({ role: "user" }, { shownIn: "nowhere" })).toEqual(["", "", "", ""]);
  });

  test("1.0.0 fetches more than 100 messages", () => {
    expect(in100({ ...ANSWER, error: { name: "APIError" } }, { ...older, count: 100 })).toEqual([
      "error.data",
      "",
      "",
      "",
    ]);
  });
});

test("the files of 1.0.61: a question is asked for its time where the screen prints it", async () => {
  const store = createJsonStore({ ...SESSIONS, sessions: [sessionContent("a", "prj_one", 5, 1)] });
  try {
    const folder = join(store.dataDir, "storage/session/prj_one");
    const session = JSON.parse(readFileSync(join(folder, "ses_a.json"), "utf8"));
    writeFileSync(join(folder, "ses_a.json"), JSON.stringify({ ...session, version: "1.0.61" }));
    const runs = { ...ANSWER, time: { created: 1 } };
    const messages = [{ role: "user" }, { role: "user" }, runs, { role: "user" }, { ...ANSWER, mode: null }];
    for (const [index, message] of messages.entries()) {
      const id = `msg_a${index + 1}`;
      writeFileSync(
        join(store.dataDir, "storage/message/ses_a", `${id}.json`),
        JSON.stringify({ id, sessionID: "ses_a", ...message }),
      );
      const parts = join(store.dataDir, "storage/part", id);
      rmSync(parts, { recursive: true, force: true });
      mkdirSync(parts);
      // The first question has no text of its own. The third question waits for the answer that is still running.
      const part = index === 0 ? { type: "file", mime: "text/plain", filename: "a" } : { type: "text", text: "Words." };
      const ends = { type: "step-finish", reason: "stop" };
      for (const [at, each] of [part, ...(index === 4 ? [ends] : [])].entries()) {
        const partID = `prt_${id}_${at}`;
        const ids = { id: partID, messageID: id, sessionID: "ses_a" };
        writeFileSync(join(parts, `${partID}.json`), JSON.stringify({ ...ids, ...each }));
      }
    }
    const { findings } = await (await toolFor(store.dataDir)).check();
    const fatal = findings.filter(({ code }) => code === "screen-fatal");
    expect(fatal.map(({ recordID }) => recordID).sort()).toEqual(["msg_a2", "msg_a5"]);
  } finally {
    store.remove();
  }
});

const SESSIONS = { ...sampleContent(), sessions: [sessionContent("a", "prj_one", 3, 1)] };
const IDS = ["msg_a1", "msg_a2", "msg_a3"];

/** A question and two answers that lack `mode`. The screen only needs the mode of the newest answer. */
const BARE: readonly Fields[] = [
  { role: "user", time: { created: CREATED }, agent: "plan", model: { providerID: "p", modelID: "m" } },
  { ...MIDDLE, parentID: "msg_a1", mode: undefined, agent: undefined, tokens: undefined },
  { ...MIDDLE, parentID: "msg_a1", mode: undefined, agent: undefined },
];

async function completed(store: StoreUnderTest, read: (id: string) => Fields): Promise<void> {
  const before = store.image();
  const tool = await toolFor(store.dataDir);
  const { verdict, findings } = await tool.check();
  expect(verdict).toBe("healthy");
  expect(findings.map(({ code, recordID, remedy }) => [code, recordID, remedy])).toEqual([
    ["screen-fatal", "msg_a3", "normalise"],
  ]);
  expect((await tool.repairUnasked()).items).toEqual([]);
  const { runID, items } = await tool.repair(["screen-fatal"]);
  expect(items.map(({ action }) => action)).toEqual(["normalised"]);
  expect(read("msg_a3")).toMatchObject({ mode: "plan", tokens: TOKENS });
  expect((await tool.check()).findings).toEqual([]);
  await tool.restore(runID ?? "");
  expect(store.image()).toEqual(before);
}

test("nothing is named in 5,000 answers, texts, thoughts and files as hosts write them", () => {
  const words = fc.string();
  const error = fc.constantFrom(
    undefined,
    { name: "MessageAbortedError", data: { message: "Aborted" } },
    { name: "MessageOutputLengthError", data: {} },
    { name: "APIError", data: { message: "overloaded", statusCode: 529, isRetryable: true } },
    { name: "UnknownError", data: { message: "odd" } },
  );
  const answer = fc.record({
    finish: fc.constantFrom("stop", "tool-calls", "length", "content-filter", "unknown", undefined),
    error,
    mode: words,
    modelID: words,
    time: fc.constantFrom({ created: 1 }, { created: 1, completed: 2 }),
    tokens: fc.record({
      input: fc.nat(),
      output: fc.nat(),
      reasoning: fc.nat(),
      cache: fc.constant({ read: 0, write: 0 }),
    }),
    summary: fc.boolean(),
  });
  const message = fc.oneof(
    answer.map((fields): Fields => ({ ...ANSWER, ...fields })),
    fc.record({ role: fc.constant("user"), time: fc.constant({ created: 1 }), agent: words }),
  );
  const time = fc.constantFrom(undefined, { start: 1 }, { start: 1, end: 2 });
  const part = fc.oneof(
    fc.record({ type: fc.constant("text"), text: words, time, synthetic: fc.constantFrom(undefined, true, false) }),
    fc.record({ type: fc.constant("reasoning"), text: words, time }),
    fc.record({ type: fc.constant("file"), mime: words, filename: fc.option(words), url: words }),
    fc.record({ type: fc.constantFrom("step-start", "step-finish", "patch", "snapshot", "agent", "compaction") }),
  );
  const places = [undefined, "answer", "question", "nowhere"] as const;
  fc.assert(
    fc.property(message, fc.array(message, { maxLength: 4 }), part, (own, newer, inIt) => {
      const behind = newer.map(asNewer).reduce(together, NOTHING_NEWER);
      for (const screen of [...Object.values(OLDEST_SCREENS), ...Object.values(SCREEN)]) {
        expect(mismatchesOnScreen("message", own, screen, behind)).toEqual([]);
        for (const shownIn of places) {
          const around = shownIn === undefined ? behind : { ...behind, shownIn };
          expect(mismatchesOnScreen("part", inIt, screen, around)).toEqual([]);
        }
      }
    }),
    { numRuns: 5000, seed: 20261130 },
  );
});

test("what a part lacks is named where the screen prints it: not in every question", async () => {
  const store = createJsonStore({ ...SESSIONS, sessions: [sessionContent("a", "prj_one", 4, 1)] });
  try {
    for (const id of ["msg_a1", "msg_a2", "msg_a3", "msg_a4"]) {
      const message = { id, sessionID: "ses_a", ...(id === "msg_a4" ? { ...ANSWER, parentID: "msg_a3" } : BARE[0]) };
      writeFileSync(join(store.dataDir, "storage/message/ses_a", `${id}.json`), JSON.stringify(message));
      rmSync(join(store.dataDir, "storage/part", id), { recursive: true });
    }
    const write = (messageID: string, name: string, part: Fields) => {
      const id = `prt_${messageID}_${name}`;
      const folder = join(store.dataDir, "storage/part", messageID);
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, `${id}.json`), JSON.stringify({ id, messageID, sessionID: "ses_a", ...part }));
    };
    const own = { type: "text", text: "Words." };
    const odd = { type: "text", text: { a: 1 } };
    const file = { type: "file", url: "file:///a", filename: "a" };
    write("msg_a1", "own", own);
    write("msg_a1", "file", file);
    write("msg_a1", "second", odd);
    write("msg_a2", "file", file);
    write("msg_a2", "synthetic", { ...odd, synthetic: true });
    write("msg_a3", "odd", odd);
    write("msg_a4", "file", file);
    write("msg_a4", "wordless", { type: "text" });
    const { findings } = await (await toolFor(store.dataDir)).check();
    expect(findings.map(({ code, recordID }) => [code, recordID]).sort()).toEqual([
      ["screen-fatal", "prt_msg_a1_file"],
      ["screen-fatal", "prt_msg_a3_odd"],
      ["screen-fatal", "prt_msg_a4_wordless"],
    ]);
  } finally {
    store.remove();
  }
});

describe("an answer whose mode is missing, where the screen comes to it, is completed when asked, and only that", () => {
  test("in a database of 1.2.27", async () => {
    const store = await createSqliteStore("1.2.27", SESSIONS);
    try {
      const at = (id: string) => store.locatorOf("message", id);
      IDS.forEach((id, index) => void store.overwrite(at(id), Buffer.from(JSON.stringify(BARE[index]))));
      await completed(store, (id) => JSON.parse(store.bytesAt(at(id))?.toString() ?? "null") as Fields);
    } finally {
      store.remove();
    }
  });

  test("in the files of 1.1.65", async () => {
    const store = createJsonStore(SESSIONS);
    try {
      const path = (id: string) => join(store.dataDir, "storage/message/ses_a", `${id}.json`);
      for (const [index, id] of IDS.entries()) {
        writeFileSync(path(id), JSON.stringify({ id, sessionID: "ses_a", ...BARE[index] }));
      }
      await completed(store, (id) => JSON.parse(readFileSync(path(id), "utf8")) as Fields);
    } finally {
      store.remove();
    }
  });
});

/**
 * On 1.1.65, it does not help to add `data` to the list, because JSON cannot store named fields of a list. The session
 * closed the screen as before.
 */
test("an answer whose error is a list ends the screen no more after the repair", async () => {
  const store = createJsonStore(SESSIONS);
  try {
    const path = join(store.dataDir, "storage/message/ses_a/msg_a3.json");
    writeFileSync(path, JSON.stringify({ id: "msg_a3", sessionID: "ses_a", ...ANSWER, error: [] }));
    const tool = await toolFor(store.dataDir);
    expect((await tool.check()).findings.map(({ code, recordID }) => [code, recordID])).toEqual([
      ["screen-fatal", "msg_a3"],
    ]);
    const before = store.image();
    const { runID, items } = await tool.repair(["screen-fatal"]);
    expect(items.map(({ action }) => action)).toEqual(["quarantined"]);
    expect((await tool.check()).findings.filter(({ code }) => code === "screen-fatal")).toEqual([]);
    await tool.restore(runID ?? "");
    expect(store.image()).toEqual(before);
  } finally {
    store.remove();
  }
});
