import type { Answer, RunningHost } from "./running-host.ts";

/** opencode's answers to each request about one session. */
export interface SessionVerdict {
  readonly id: string;
  /** GET /session/:id */
  readonly info: Answer;
  /** GET /session/:id/message, without a limit */
  readonly messages: Answer;
  readonly todo: Answer;
  readonly diff: Answer;
  /** Whether `GET /session` contains the session. */
  readonly listed: boolean;
  /** Whether every request gets status 200, and the list contains the session. */
  readonly loads: boolean;
}

export interface HostVerdict {
  /** GET /session */
  readonly list: Answer;
  /** The ids in that list. It is empty if the request for the list fails. */
  readonly listIDs: readonly string[];
  readonly sessions: readonly SessionVerdict[];
  /** Whether the request for the list gets status 200, and every requested session loads. */
  readonly healthy: boolean;
}

/** Makes all requests that a client needs to list the sessions of the project and to open each of them. */
export async function hostVerdict(host: RunningHost, sessionIDs: readonly string[]): Promise<HostVerdict> {
  const list = await host.get("/session");
  const listIDs = list.status === 200 ? idsOf(list.body) : [];
  const sessions: SessionVerdict[] = [];
  for (const id of sessionIDs) sessions.push(await sessionVerdict(host, id, listIDs.includes(id)));
  return { list, listIDs, sessions, healthy: list.status === 200 && sessions.every((session) => session.loads) };
}

async function sessionVerdict(host: RunningHost, id: string, listed: boolean): Promise<SessionVerdict> {
  const info = await host.get(`/session/${id}`);
  const messages = await host.get(`/session/${id}/message`);
  const todo = await host.get(`/session/${id}/todo`);
  const diff = await host.get(`/session/${id}/diff`);
  const loads = listed && [info, messages, todo, diff].every((answer) => answer.status === 200);
  return { id, info, messages, todo, diff, listed, loads };
}

function idsOf(body: unknown): readonly string[] {
  if (!Array.isArray(body)) return [];
  return body.flatMap((entry: unknown) => {
    const id = typeof entry === "object" && entry !== null && "id" in entry ? entry.id : undefined;
    return typeof id === "string" ? [id] : [];
  });
}
