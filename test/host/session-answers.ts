import type { Answer, RunningHost } from "./running-host.ts";

/** opencode's answers to all requests that a client makes to open a session, and to the request for its projects. */
export interface SessionAnswers {
  readonly list: Answer;
  readonly info: Answer;
  readonly messages: Answer;
  readonly todo: Answer;
  readonly diff: Answer;
  readonly projects: Answer;
}

type Route = keyof SessionAnswers;

const PATHS: Readonly<Record<Route, (sessionID: string) => string>> = {
  list: () => "/session",
  info: (id) => `/session/${id}`,
  messages: (id) => `/session/${id}/message`,
  todo: (id) => `/session/${id}/todo`,
  diff: (id) => `/session/${id}/diff`,
  projects: () => "/project",
};

/** Makes all requests that a client makes to open this session. */
export async function askAbout(host: RunningHost, sessionID: string): Promise<SessionAnswers> {
  const list = await host.get(PATHS.list(sessionID));
  const { list: _, ...others } = PATHS;
  const asked = Object.entries(others).map(async ([route, path]) => [route, await host.get(path(sessionID))] as const);
  const answers = Object.fromEntries(await Promise.all(asked)) as Record<Exclude<Route, "list">, Answer>;
  return { list, ...answers, projects: withoutBootTimes(answers.projects) };
}

/**
 * Repeats the requests that failed before. Returns the statuses of all requests. Requests that did not fail keep their
 * earlier status.
 */
export async function askFailing(
  host: RunningHost,
  sessionID: string,
  before: SessionAnswers,
): Promise<Readonly<Record<string, number>>> {
  const statuses = { ...statusesOf(before) };
  for (const route of Object.keys(PATHS) as Route[]) {
    if (before[route].status !== 200) statuses[route] = (await host.get(PATHS[route](sessionID))).status;
  }
  return statuses;
}

/** Whether the session opens. The list must contain it, and all requests about it must get status 200. */
export function opens(answers: SessionAnswers, sessionID: string): boolean {
  const { list, info, messages, todo, diff } = answers;
  return (
    [list, info, messages, todo, diff].every((answer) => answer.status === 200) &&
    records(list.body).some((session) => session.id === sessionID)
  );
}

export function statusesOf(answers: SessionAnswers): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(answers).map(([route, answer]: [string, Answer]) => [route, answer.status]));
}

type Wire = Readonly<Record<string, unknown>>;

export function records(body: unknown): readonly Wire[] {
  return Array.isArray(body)
    ? body.filter((each: unknown): each is Wire => typeof each === "object" && each !== null)
    : [];
}

/** Changes each record of an answer, whether the answer is a list or one record. */
export function changed(answer: Answer, change: (record: Wire) => Wire | null): Answer {
  if (!Array.isArray(answer.body)) return { ...answer, body: change(answer.body as Wire) };
  return { ...answer, body: records(answer.body).flatMap((each) => change(each) ?? []) };
}

/** The projects without their time, because each boot of a project changes it. */
function withoutBootTimes(projects: Answer): Answer {
  return changed(projects, ({ time: _, ...project }) => project);
}
