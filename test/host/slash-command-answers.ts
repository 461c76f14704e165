import { expect } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { nodeFileSystem, storedRuns } from "../../plugin/api.ts";
import { type HostVersion, isJsonHost } from "./binary.ts";
import type { HostCase } from "./host-for-cases.ts";
import { openDatabase } from "./record-place.ts";
import type { Answer, RunningHost } from "./running-host.ts";
import type { StoredSession } from "./sessions.ts";
import type { RealStore } from "./stored-fixture.ts";
import { trustedManifest } from "./tool.ts";

/** From 1.17 on, a client gets the plugin's answer instead of an error. */
const WITHOUT_ERROR: readonly HostVersion[] = ["1.17.18", "1.18.33"];

export interface WireMessage {
  readonly info: { readonly role: string };
  readonly parts: readonly { readonly type: string; readonly text?: string; readonly ignored?: boolean }[];
}

export function typed(host: RunningHost, session: StoredSession, words: string): Promise<Answer> {
  return host.post(`/session/${session.id}/command`, { command: "repair", arguments: words });
}

/**
 * Runs `/repair` with these words in a healthy session, and returns the text that the user reads. It is one new
 * message, which no model sees.
 */
export async function report(bench: HostCase, words: string): Promise<string> {
  const { host, store } = bench;
  const { conversation } = store.sessions;
  const before = await messagesOf(host, conversation);
  const answer = await typed(host, conversation, words);
  const after = await messagesOf(host, conversation);
  expect(after.slice(0, -1)).toEqual([...before]);
  const text = reportIn(after);
  expectAnswered(bench, answer, text.split("\n")[0] ?? "");
  expectNoSecrets(store, text);
  return text;
}

/** The report in the last message, without the first line, which is for scripts. */
export function reportIn(messages: readonly WireMessage[]): string {
  const last = messages.at(-1);
  expect(last).toMatchObject({ info: { role: "user" }, parts: [{ type: "text", ignored: true }] });
  return last?.parts[0]?.text?.replace(/^Verdict: (healthy|damaged)\n/, "") ?? "";
}

export function expectAnswered({ host, store }: HostCase, { status, body }: Answer, headline: string): void {
  if (WITHOUT_ERROR.includes(host.version)) {
    expect({ status, body }).toEqual({ status: 204, body: "" });
    return;
  }
  expect(status).toBe(500);
  const { message } = (body as { data: { message: string } }).data;
  expect(message).toStartWith(`SessionRepair: ${headline}`);
  expect(message).not.toContain("\n");
  expectNoSecrets(store, message);
}

/** Checks that no text of the users and no path of their files occurs in these texts. */
export function expectNoSecrets({ project, home }: RealStore, ...texts: readonly string[]): void {
  const content = ["hello", "pixel", "welcome", "story", "plain session", "A conversation with tools"];
  for (const text of texts) {
    for (const secret of [project, home.root, ...content]) expect(text).not.toContain(secret);
  }
}

export async function messagesOf(host: RunningHost, { id }: StoredSession): Promise<readonly WireMessage[]> {
  const { status, body } = await host.get(`/session/${id}/message`);
  expect(status).toBe(200);
  return body as WireMessage[];
}

export async function messageStatuses(
  { host }: Pick<HostCase, "host">,
  ...sessions: StoredSession[]
): Promise<number[]> {
  const answers = sessions.map(({ id }) => host.get(`/session/${id}/message`));
  return (await Promise.all(answers)).map(({ status }) => status);
}

/** The ids of all sessions in the store. It does not matter whether opencode lists them. */
export async function storedSessions(store: RealStore): Promise<string[]> {
  if (isJsonHost(store.home.version)) {
    const files = await readdir(join(store.dataDir, "storage", "session"), { recursive: true });
    return files.filter((file) => file.endsWith(".json"));
  }
  using database = openDatabase(store);
  return database
    .query<{ id: string }, []>("select id from session")
    .all()
    .map(({ id }) => id);
}

/** The manifests, the newest first. The bytes of all originals are checked. */
export async function runsOf({ dataDir }: RealStore) {
  const runs = await storedRuns(nodeFileSystem, dataDir);
  return Promise.all(
    runs.map(async (run) => {
      if (!run.ok) throw new Error(run.problem);
      return run.manifest.state === "done" ? trustedManifest(join(run.folder, "manifest.json")) : run.manifest;
    }),
  );
}
