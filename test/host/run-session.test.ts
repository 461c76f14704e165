import { describe, expect, test } from "bun:test";
import type { PluginInput } from "@opencode-ai/plugin";
import { makesSessionOfItsOwn, removeOwnSession } from "../../plugin/opencode/run-session.ts";

const RUN = ["opencode", "/$bunfs/root/opencode", "run"];

describe("which call of opencode run made its session only for /repair", () => {
  test.each([
    ["--command repair"],
    ["--command=repair check"],
    ["--command repair --format json --print-logs --log-level DEBUG"],
    ["--command repair -m provider/model --agent build"],
  ])("%s", (words) => {
    expect(makesSessionOfItsOwn([...RUN, ...words.split(" ")])).toBe(true);
  });

  test.each([
    ["--command repair --session ses_1"],
    ["--command repair --session=ses_1"],
    ["--command repair -s ses_1"],
    ["--command repair -c"],
    ["--command repair --continue"],
    ["--command repair --fork -c"],
    ["--command repair --title Mine"],
    ["--command repair --share"],
    ["--command repair --attach http://127.0.0.1:4096"],
    ["--command repair --interactive"],
    ["--command repair --option-of-a-later-version"],
  ])("not %s", (words) => {
    expect(makesSessionOfItsOwn([...RUN, ...words.split(" ")])).toBe(false);
  });

  test("not a server or a terminal UI", () => {
    expect(makesSessionOfItsOwn(["opencode", "/$bunfs/root/opencode", "serve"])).toBe(false);
    expect(makesSessionOfItsOwn(["opencode", "/$bunfs/root/opencode"])).toBe(false);
  });
});

describe("a session is deleted only if it holds nothing but the report", () => {
  const made = { time: { created: Date.now() } };
  const report = { info: { id: "msg_report" } };

  test("the report alone, or nothing at all", async () => {
    expect(await deletedOf(made, [report])).toEqual(["ses_1"]);
    expect(await deletedOf(made, [])).toEqual(["ses_1"]);
  });

  test.each([
    ["another message beside it", made, [report, { info: { id: "msg_other" } }]],
    ["older than this process", { time: { created: performance.timeOrigin - 1 } }, [report]],
    ["a subagent's", { ...made, parentID: "ses_0" }, [report]],
    ["shared", { ...made, share: { url: "https://example.org" } }, [report]],
    ["messages that opencode cannot load", made, undefined],
    ["a session that opencode does not know", undefined, [report]],
  ])("%s: it stays", async (_, session, messages) => {
    expect(await deletedOf(session, messages)).toEqual([]);
  });
});

/**
 * The ids of the sessions that opencode was asked to delete. The simulated opencode answers with this session and these
 * messages.
 */
async function deletedOf(session: unknown, messages: unknown): Promise<string[]> {
  const deleted: string[] = [];
  const client = {
    session: {
      get: async () => ({ data: session }),
      messages: async () => ({ data: messages }),
      delete: async ({ path }: { path: { id: string } }) => void deleted.push(path.id),
    },
  };
  await removeOwnSession(client as unknown as PluginInput["client"], "ses_1", "msg_report");
  return deleted;
}
