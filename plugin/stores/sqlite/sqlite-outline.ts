import type { MessageFacts, PartFacts, SessionOutline, TokenFacts } from "../outline.ts";
import type { Connection, SqlRow } from "./driver.ts";

/**
 * The SQL that selects a few values of a JSON document with SQLite's own parser. That parser refuses some documents
 * that opencode reads. For these documents there are no values.
 */
const picked = (...paths: readonly string[]) =>
  `case when typeof(data) = 'text' and json_valid(data)
     then json_extract(data, ${paths.map((path) => `'$.${path}'`).join(", ")}) end as said`;

const TOKENS = ["tokens.input", "tokens.output", "tokens.reasoning", "tokens.cache.read", "tokens.cache.write"];

const OF_MESSAGE = picked(
  ...["role", "agent", "mode", "parentID", "providerID", "modelID", "model.providerID", "model.modelID"],
  ...["path.cwd", "path.root", "time.created", "time.completed", "finish", "cost"],
  ...TOKENS,
);

const OF_PART = picked("type", "cost", ...TOKENS);

/** Summarises the messages of a session with one query, which reads only a few values of each document. */
export function readOutline(connection: Connection, sessionID: string): SessionOutline {
  const messages = connection
    .all(
      `select id, cast(time_created as real) as time, ${OF_MESSAGE} from message where session_id = ?
       order by time_created, id`,
      sessionID,
    )
    .map(messageFacts);
  return {
    messages,
    messageOf: (partID) => {
      const id = connection.all("select message_id as id from part where id = ?", partID)[0]?.id;
      return typeof id === "string" ? id : null;
    },
    partsOf: (messageID) =>
      connection.all(`select id, ${OF_PART} from part where message_id = ? order by id`, messageID).map(partFacts),
  };
}

function messageFacts(row: SqlRow): MessageFacts {
  const said = saidBy(row);
  const text = (index: number) => textOf(said[index]);
  return {
    id: String(row.id),
    rowMs: numberOf(row.time),
    role: text(0),
    agent: text(1),
    mode: text(2),
    parentID: text(3),
    providerID: text(4) ?? text(6),
    modelID: text(5) ?? text(7),
    cwd: text(8),
    root: text(9),
    createdMs: numberOf(said[10]),
    completedMs: numberOf(said[11]),
    finish: text(12),
    cost: numberOf(said[13]),
    tokens: tokenFacts(said.slice(14)),
  };
}

function partFacts(row: SqlRow): PartFacts {
  const [type, cost, ...tokens] = saidBy(row);
  return { id: String(row.id), type: textOf(type), cost: numberOf(cost), tokens: tokenFacts(tokens) };
}

function tokenFacts(said: readonly unknown[]): TokenFacts {
  const [input = null, output = null, reasoning = null, read = null, write = null] = said.map(numberOf);
  return { input, output, reasoning, read, write };
}

function saidBy({ said }: SqlRow): unknown[] {
  const values: unknown = typeof said === "string" ? JSON.parse(said) : [];
  return Array.isArray(values) ? values : [];
}

function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function numberOf(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}
