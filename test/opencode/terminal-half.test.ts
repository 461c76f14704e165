import { expect, test } from "bun:test";
import type { PluginInput } from "@opencode-ai/plugin";
import { HostActivity } from "../../plugin/opencode/pacing.ts";
import { EXECUTED, listenForScreen, SERVER_TELLS, TERMINAL_IS_THERE } from "../../plugin/opencode/terminal-half.ts";

const REPORT = { type: EXECUTED, properties: { command: TERMINAL_IS_THERE } };

function listening(longestMs: number) {
  const published: unknown[] = [];
  const client = {
    tui: { publish: async ({ body }: { body: typeof REPORT }) => published.push(body.properties.command) },
  };
  const listener = listenForScreen(client as unknown as PluginInput["client"], new HostActivity(), true, longestMs);
  const report = () => listener.hook({ event: REPORT as Parameters<typeof listener.hook>[0]["event"] });
  return { published, report, wait: () => listener.wait() };
}

test("a terminal half that reports in time learns that the server half tells the user", async () => {
  const { published, report, wait } = listening(60_000);
  const waiting = wait();
  await report();
  await waiting;
  expect(published).toEqual([SERVER_TELLS]);
});

test("one that reports after the toast was shown to nobody tells the user itself", async () => {
  const { published, report, wait } = listening(0);
  await wait();
  await report();
  expect(published).toEqual([]);
});

test("where nothing was to be told yet, whatever comes later is told by the server half", async () => {
  const { published, report, wait } = listening(0);
  await report();
  await wait();
  await report();
  expect(published).toEqual([SERVER_TELLS, SERVER_TELLS]);
});
