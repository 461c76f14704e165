/**
 * The content of a synthetic store, the same for a database and for JSON files. Every document satisfies the strictest
 * host.
 */
export interface StoreContent {
  readonly projects: readonly string[];
  readonly sessions: readonly SessionContent[];
}

export interface SessionContent {
  readonly id: string;
  readonly projectID: string;
  readonly messages: readonly MessageContent[];
}

export interface MessageContent {
  readonly id: string;
  readonly parts: readonly PartContent[];
}

export interface PartContent {
  readonly id: string;
  readonly text: string;
}

/** A time in milliseconds since the epoch. */
export const CREATED = 1_795_402_315_181;

/** A session whose messages and parts have ids with its name: `ses_a`, `msg_a1`, `prt_a1_1` … */
export function sessionContent(name: string, projectID: string, messages: number, parts: number): SessionContent {
  return {
    id: `ses_${name}`,
    projectID,
    messages: numbers(messages).map((message) => ({
      id: `msg_${name}${message}`,
      parts: numbers(parts).map((part) => ({
        id: `prt_${name}${message}_${part}`,
        text: `Part ${part} of ${name}${message}: grüß die Welt 🌍`,
      })),
    })),
  };
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

/**
 * Two projects and three sessions: one with two messages of two parts each, one with a single message, and an empty
 * one.
 */
export function sampleContent(): StoreContent {
  return {
    projects: ["prj_one", "prj_two"],
    sessions: [
      sessionContent("a", "prj_one", 2, 2),
      sessionContent("b", "prj_one", 1, 1),
      sessionContent("c", "prj_two", 0, 0),
    ],
  };
}

export function messageDocument(): Record<string, unknown> {
  return {
    role: "user",
    time: { created: CREATED },
    agent: "build",
    model: { providerID: "loopback", modelID: "scripted" },
  };
}

export function partDocument(part: PartContent): Record<string, unknown> {
  return { type: "text", text: part.text };
}
