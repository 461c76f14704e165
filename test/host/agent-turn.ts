import { expect } from "bun:test";
import { setTimeout as sleep } from "node:timers/promises";
import { nodeFileSystem, storedRuns } from "../../plugin/api.ts";
import { ASK_EVERY_MS, until } from "../process/until.ts";
import type { HostCase } from "./host-for-cases.ts";
import type { RunningHost } from "./running-host.ts";
import type { StoredSession } from "./sessions.ts";
import type { RealStore } from "./stored-fixture.ts";

export interface Bench extends HostCase {
  /** The session in which the agent calls the tool. */
  readonly own: StoredSession;
}

export type Arguments = Readonly<Record<string, string | boolean>>;

interface Permission {
  readonly id: string;
  readonly sessionID: string;
  readonly permission: string;
  readonly patterns: readonly string[];
  readonly metadata: unknown;
}

interface Outcome extends Call {
  /** The question that the user got, or `null`. */
  readonly asked: Permission | null;
}

/** One call of the tool. */
interface Call {
  readonly status: string;
  /** The tool's output, or its error message. */
  readonly output: string;
  readonly title: string | undefined;
  readonly metadata: unknown;
}

interface ToolPart {
  readonly type: string;
  readonly tool?: string;
  readonly state?: {
    readonly status: string;
    readonly output?: string;
    readonly error?: string;
    readonly title?: string;
    readonly metadata?: unknown;
  };
}

interface Meanwhile {
  /** Runs after the model was asked, and before it calls the tool. */
  before(): Promise<void>;
  /** Runs after the end of the turn, and before its messages are read. */
  after(): Promise<void>;
}

/**
 * Runs one turn in which the agent calls the tool. `reply` is the user's answer if opencode asks. With `null`, opencode
 * must not ask.
 */
export async function turn(
  bench: Bench,
  input: Arguments,
  reply: "once" | "reject" | null,
  meanwhile?: Meanwhile,
): Promise<Outcome> {
  const { asked, calls } = await turnOf(bench, [input], reply, meanwhile);
  const [call = { status: "never called", output: "", title: undefined, metadata: undefined }] = calls;
  return { asked, ...call };
}

/** Runs one turn in which the agent calls the tool several times at once. opencode must not ask the user. */
export async function unasked(bench: Bench, inputs: readonly Arguments[]): Promise<readonly Call[]> {
  return (await turnOf(bench, inputs, null)).calls;
}

async function turnOf(
  bench: Bench,
  inputs: readonly Arguments[],
  reply: "once" | "reject" | null,
  meanwhile?: Meanwhile,
): Promise<{ readonly asked: Permission | null; readonly calls: readonly Call[] }> {
  const { host, model, own, store } = bench;
  const known = model.calls;
  const before = await callsIn(host, own);
  const ready = Promise.withResolvers<void>();
  model.script({ calls: inputs.map((input) => ({ tool: "session_repair", input })), after: ready.promise });
  let ended = false;
  const running = host
    .post(`/session/${own.id}/message`, { parts: [{ type: "text", text: "Please see to it." }] })
    .finally(() => {
      ended = true;
    });
  await until(() => model.calls > known || ended, "the model was never asked", 5);
  await meanwhile?.before();
  ready.resolve();
  let asked: Permission | null = null;
  while (!ended) {
    const open = (await host.get("/permission")).body;
    const [question] = Array.isArray(open) ? (open as Permission[]) : [];
    if (question && reply === null) throw new Error(`the user was asked: ${JSON.stringify(question)}`);
    if (question && question.id !== asked?.id) {
      asked = question;
      expect((await host.post(`/permission/${question.id}/reply`, { reply })).status).toBe(200);
    }
    await sleep(ASK_EVERY_MS);
  }
  await running;
  await meanwhile?.after();
  const outcome = { asked, calls: (await callsIn(host, own)).slice(before.length) };
  for (const secret of secrets(store)) expect(JSON.stringify(outcome)).not.toContain(secret);
  return outcome;
}

/** All calls of the tool in a session, in the order of the model. */
async function callsIn(host: RunningHost, { id }: StoredSession): Promise<readonly Call[]> {
  const { status, body } = await host.get(`/session/${id}/message`);
  expect(status).toBe(200);
  const parts = (body as { parts: readonly ToolPart[] }[]).flatMap((message) => message.parts);
  return parts.flatMap(({ type, tool, state }) =>
    type === "tool" && tool === "session_repair" && state !== undefined
      ? [
          {
            status: state.status,
            output: state.output ?? state.error ?? "",
            title: state.title,
            metadata: state.metadata,
          },
        ]
      : [],
  );
}

/** Words of the users, and paths of their files. They must not occur in the tool's output. */
function secrets({ project, home }: RealStore): readonly string[] {
  return [project, home.root, "hello", "pixel", "welcome", "story", "plain session", "A conversation with tools"];
}

export async function messageStatus({ host }: Bench, { id }: StoredSession): Promise<number> {
  return (await host.get(`/session/${id}/message`)).status;
}

export async function runsOf({ dataDir }: RealStore) {
  return (await storedRuns(nodeFileSystem, dataDir)).map((run) => {
    if (!run.ok) throw new Error(run.problem);
    return run.manifest;
  });
}
