import { Database } from "bun:sqlite";
import { join } from "node:path";
import { createHome, type HermeticHome } from "./home.ts";
import { type PreviewHost, startPreviewHost } from "./preview-host.ts";

/** A database that the preview of 2.x made and still uses. Its two sessions have messages of every type. */
export interface PreviewStore {
  readonly home: HermeticHome;
  readonly host: PreviewHost;
  readonly path: string;
  readonly sessionIDs: readonly string[];
  close(): Promise<void>;
}

/**
 * Lets the preview make its database and two sessions, and the messages that need no model. Messages of the other types
 * are inserted as rows in the form of its schema. At the end, the preview must load all of them.
 */
export async function previewStore(): Promise<PreviewStore> {
  const home = await createHome("1.18.18");
  const host = await startPreviewHost(home);
  try {
    const sessionIDs: string[] = [];
    for (let made = 0; made < 2; made += 1) {
      const { body } = await host.post("/api/session", {});
      const { id } = (body as { data: { id: string } }).data;
      await host.post(`/api/session/${id}/agent`, { agent: "build" });
      await host.post(`/api/session/${id}/model`, { model: MODEL });
      sessionIDs.push(id);
    }
    const path = join(home.dataDir, "opencode.db");
    addMessages(path, sessionIDs);
    for (const id of sessionIDs) {
      const { status, body } = await host.get(`/api/session/${id}/message?limit=200`);
      if (status !== 200) throw new Error(`the preview does not load its messages: ${JSON.stringify(body)}`);
    }
    const close = async () => {
      await host.stop();
      await home.remove();
    };
    return { home, host, path, sessionIDs, close };
  } catch (error) {
    await host.stop();
    throw error;
  }
}

const MODEL = { id: "scripted", providerID: "loopback", variant: "high" };
const AT = 1790000000000;

/** A document of each message type, in the form of the preview's schema. */
export const PREVIEW_DOCUMENTS: readonly (readonly [type: string, data: object])[] = [
  ["agent-switched", { agent: "build", time: { created: AT }, metadata: { from: "here" } }],
  ["model-switched", { model: MODEL, time: { created: AT } }],
  [
    "user",
    {
      text: "Look at this file",
      files: [{ uri: "file:///a.txt", mime: "text/plain", name: "a", source: { start: 0, end: 1, text: "a" } }],
      agents: [{ name: "plan", source: { start: 2, end: 3, text: "p" } }],
      time: { created: AT + 0.5 },
      metadata: {},
    },
  ],
  ["synthetic", { sessionID: "ses_other", text: "Made by the host", time: { created: -1 } }],
  ["system", { text: "A rule changed", time: { created: AT } }],
  ["shell", { callID: "call_1", command: "ls", output: "a", time: { created: AT, completed: AT } }],
  [
    "assistant",
    {
      agent: "build",
      model: MODEL,
      content: [
        { type: "text", id: "txt_1", text: "An answer" },
        { type: "reasoning", id: "rsn_1", text: "Why", providerMetadata: { a: { b: 1 } }, time: { created: AT } },
        {
          type: "tool",
          id: "call_2",
          name: "bash",
          provider: { executed: false, metadata: { a: {} } },
          state: {
            status: "completed",
            input: { command: "ls" },
            attachments: [{ uri: "file:///b", mime: "text/plain" }],
            content: [
              { type: "text", text: "b" },
              { type: "file", uri: "file:///b", mime: "text/plain", name: "b" },
            ],
            outputPaths: ["/tmp/out"],
            structured: { exit: 0 },
            result: null,
          },
          time: { created: AT, ran: AT, completed: AT, pruned: AT },
        },
        {
          type: "tool",
          id: "call_3",
          name: "read",
          state: {
            status: "error",
            input: {},
            content: [],
            structured: {},
            error: { type: "unknown", message: "no such file" },
          },
          time: { created: AT },
        },
        {
          type: "tool",
          id: "call_4",
          name: "read",
          state: { status: "running", input: {}, content: [], structured: {} },
          time: { created: AT },
        },
        { type: "tool", id: "call_5", name: "read", state: { status: "pending", input: "{" }, time: { created: AT } },
      ],
      snapshot: { start: "abc", end: "def", files: ["a.txt"] },
      finish: "stop",
      cost: 0.5,
      tokens: { input: 1, output: 2, reasoning: 0, cache: { read: 0, write: 0 } },
      error: { type: "unknown", message: "it failed" },
      time: { created: AT, completed: AT + 1 },
    },
  ],
  ["compaction", { reason: "auto", summary: "All of it", recent: "The last of it", time: { created: AT } }],
];

/** Values of the JSON columns of a session that the preview accepts. */
export const PREVIEW_COLUMNS: Readonly<Record<string, readonly unknown[]>> = {
  model: [MODEL, { id: "a", providerID: "b", variant: null }],
  revert: [
    {
      messageID: "msg_1",
      partID: "prt_1",
      snapshot: "abc",
      diff: "d",
      files: [{ path: "a", status: "added", additions: 1, deletions: 0, patch: "p" }],
    },
  ],
  metadata: [{ a: 1 }],
  permission: [[{ permission: "bash", pattern: "*", action: "ask" }]],
  summary_diffs: [[{ file: "a", additions: 1, deletions: 0 }]],
};

function addMessages(path: string, sessionIDs: readonly string[]): void {
  using database = new Database(path);
  database.run("pragma busy_timeout = 5000");
  const insert = database.query("insert into session_message values (?, ?, ?, ?, ?, ?, ?)");
  for (const [number, id] of sessionIDs.entries()) {
    for (const [index, [type, data]] of PREVIEW_DOCUMENTS.entries()) {
      const seq = 100 + index;
      insert.run(`msg_sample${number}${seq}`, id, type, seq, AT, AT, JSON.stringify(data));
    }
    database.query("update event_sequence set seq = 200 where aggregate_id = ?").run(id);
  }
}
