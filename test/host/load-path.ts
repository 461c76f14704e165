import type { Answer, RunningHost } from "./running-host.ts";

/** What the host answered for one session, route by route. */
export interface SessionVerdict {
  readonly id: string;
  /** GET /session/:id */
  readonly info: Answer;
  /** GET /session/:id/message, without a limit */
  readonly messages: Answer;
  readonly todo: Answer;
  readonly diff: Answer;
  /** Whether GET /session names it. */
  readonly listed: boolean;
  /** Every route answers 200 and the list names it. */
  readonly loads: boolean;
}

export interface HostVerdict {
  /** GET /session */
  readonly list: Answer;
  /** The ids in that list; empty when the list itself fails. */
  readonly listIDs: readonly string[];
  readonly sessions: readonly SessionVerdict[];
  /** The list answers 200 and every asked session loads. */
  readonly healthy: boolean;
}

/** Asks a host the whole load path of its project: the list, and every route a client needs to open each session. */
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
