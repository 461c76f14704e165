import type { RunningHost } from "../host/running-host.ts";
import type { DamagedRecord } from "./subject.ts";

/** Whether the host fails on its load path. `words` describes the first answer that fails. */
export interface HostLoad {
  readonly fails: boolean;
  readonly words: string;
}

const LOADS: HostLoad = { fails: false, words: "200 everywhere" };

/**
 * Asks the host for the answers that this record can make fail, or for all answers if `everything` is set. `others` are
 * sessions that must be in the list. The host is also asked for their messages.
 */
export async function askHost(
  host: RunningHost,
  record: DamagedRecord,
  everything: boolean,
  others: readonly string[] = [],
): Promise<HostLoad> {
  const { kind, sessionID } = record;
  const ofSession = (route: string) => `/session/${encodeURIComponent(sessionID ?? "")}${route}`;
  const routes: string[] = [];
  if (sessionID !== null) {
    if (everything || kind === "session" || kind === "project") routes.push(ofSession(""));
    if (everything || kind !== "todo") routes.push(ofSession("/message"));
    if (everything || kind === "todo") routes.push(ofSession("/todo"));
    if (everything || kind === "session_diff") routes.push(ofSession("/diff"));
  }
  routes.push(...others.filter((id) => id !== sessionID).map((id) => `/session/${id}/message`));
  const answers = routes.map(async (route) => {
    const { status, body } = await host.get(route);
    // 1.0.61 answers 404 for every session without a file of diffs.
    const hasNoDiffs = status === 404 && route.endsWith("/diff");
    return status === 200 || hasNoDiffs ? LOADS : failure(route, status, body);
  });
  if (everything || others.length > 0 || kind === "session" || kind === "project") {
    answers.unshift(askList(host, sessionID === null ? others : [sessionID, ...others]));
  }
  return (await Promise.all(answers)).find((answer) => answer.fails) ?? LOADS;
}

/**
 * The request has no `?directory=`, because the folder of a session only decides where the session is listed, not
 * whether it loads.
 */
async function askList(host: RunningHost, sessionIDs: readonly string[]): Promise<HostLoad> {
  const response = await fetch(new URL("/session", host.url), { signal: AbortSignal.timeout(60_000) });
  const text = await response.text();
  if (response.status !== 200) return failure("/session", response.status, text);
  const listed = JSON.parse(text) as readonly ({ readonly id?: unknown } | null)[];
  const ids = new Set(listed.map((session) => session?.id));
  for (const id of sessionIDs) if (!ids.has(id)) return { fails: true, words: "GET /session does not name it" };
  // Every listed session must open, even if its id in the list comes from the damaged record.
  for (const id of ids) {
    if (typeof id !== "string" || sessionIDs.includes(id)) continue;
    const { status, body } = await host.get(`/session/${encodeURIComponent(id)}`);
    if (status !== 200) return failure("/session/… of a listed session", status, body);
  }
  return LOADS;
}

function failure(route: string, status: number, body: unknown): HostLoad {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return { fails: true, words: `GET ${route} ${status} ${text.slice(0, 300)}` };
}
