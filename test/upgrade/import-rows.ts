type Cell = string | number | Uint8Array | null;
type Row = Record<string, Cell>;

/** The rows of a session of 1.x before a case changes them. The session has one question and its answer. */
export interface Rows {
  readonly session: Row;
  readonly messages: Row[];
  readonly parts: Row[];
}

export const CREATED = 1_780_000_000_000;

export function baseRows(): Rows {
  const times = { time_created: CREATED, time_updated: CREATED + 10 };
  const session = {
    ...{ id: "ses_1", project_id: "prj_1", slug: "calm-river", directory: "/work", title: "A session" },
    ...{ version: "1.18.33", ...times, cost: 0 },
  };
  const user = {
    ...{ role: "user", time: { created: CREATED }, agent: "build" },
    model: { providerID: "loopback", modelID: "scripted" },
  };
  return {
    session,
    messages: [
      { id: "msg_1", session_id: "ses_1", ...times, data: JSON.stringify(user) },
      { id: "msg_2", session_id: "ses_1", ...later(times), data: JSON.stringify(assistantDocument()) },
    ],
    parts: [
      part("prt_1", "msg_1", { type: "text", text: "Why?" }),
      part("prt_2", "msg_2", { type: "text", text: "Because." }),
    ],
  };
}

function later({ time_created, time_updated }: { time_created: number; time_updated: number }) {
  return { time_created: time_created + 1, time_updated: time_updated + 1 };
}

export function assistantDocument() {
  return {
    ...{ role: "assistant", parentID: "msg_1", mode: "build", agent: "build", finish: "stop" },
    ...{ modelID: "scripted", providerID: "loopback", path: { cwd: "/work", root: "/work" }, cost: 0.5 },
    tokens: { input: 1, output: 2, reasoning: 0, cache: { read: 0, write: 0 } },
    time: { created: CREATED + 1, completed: CREATED + 5 },
  };
}

export function part(id: string, messageID: string, document: object, sessionID = "ses_1"): Row {
  const times = { time_created: CREATED, time_updated: CREATED };
  return { id, message_id: messageID, session_id: sessionID, ...times, data: JSON.stringify(document) };
}

type Change = (document: Record<string, never>) => unknown;

/** Changes the JSON of a row. If `change` returns a value, this value replaces the document. */
export function edit(row: Row | undefined, change: Change): void {
  if (row === undefined) throw new Error("no such row");
  const document = JSON.parse(String(row.data)) as Record<string, never>;
  const result = change(document);
  row.data = JSON.stringify(result === undefined ? document : result);
}

export const user = (change: Change) => (rows: Rows) => edit(rows.messages[0], change);
export const assistant = (change: Change) => (rows: Rows) => edit(rows.messages[1], change);
export const without = (name: string) => (document: Record<string, never>) => void delete document[name];
export const set = (path: string, value: unknown) => (document: object) => {
  const names = path.split(".");
  const last = names.pop() ?? "";
  const holder = names.reduce<Record<string, unknown>>(
    (at, name) => at[name] as Record<string, unknown>,
    document as Record<string, unknown>,
  );
  holder[last] = value;
};

/** Replaces the only part of the answer. */
export const answer = (document: object | string) => (rows: Rows) => {
  const row = rows.parts[1];
  if (row !== undefined) row.data = typeof document === "string" ? document : JSON.stringify(document);
};
/** Adds a file part to the question. */
export const file =
  (url: string, more: object = {}) =>
  (rows: Rows) =>
    void rows.parts.push(part("prt_3", "msg_1", { type: "file", mime: "text/plain", url, ...more }));

export const TIME = { start: CREATED, end: CREATED + 1 };
export const tool = (state: object) => ({ type: "tool", callID: "call_1", tool: "bash", state });
export const completed = { status: "completed", input: {}, output: "done", title: "bash", metadata: {}, time: TIME };
