import { openDatabase } from "../host/record-place.ts";
import type { StoredSession } from "../host/sessions.ts";
import type { RealStore } from "../host/stored-fixture.ts";

interface Size {
  readonly messages: number;
  readonly partsPerMessage: number;
}

/** The text of the last message in every session that `addLargeSession` makes. */
export const LAST_WORDS = "These are the last words.";

type Row = Record<string, string | number | null>;

/**
 * Adds a healthy session to a database of a real opencode. The new rows are like those of the session `model`.
 * Questions and answers alternate, and each part has about 1 kB. Returns the id of the new session.
 */
export function addLargeSession(store: RealStore, model: StoredSession, title: string, size: Size): string {
  using database = openDatabase(store);
  const id = `ses_0${title.replaceAll(/[^A-Za-z0-9]/g, "")}`.padEnd(30, "0");
  const rowOf = (sql: string): Row => {
    const row = database.query<Row, [string]>(sql).get(model.id);
    if (row === null) throw new Error(`session ${model.name} has no row for: ${sql}`);
    return row;
  };
  const insert = (table: string, row: Row) => {
    const names = Object.keys(row);
    const marks = names.map(() => "?").join(", ");
    database.query(`insert into ${table} (${names.join(", ")}) values (${marks})`).run(...Object.values(row));
  };
  const now = Date.now();
  const byRole = (role: string) =>
    rowOf(`select * from message where session_id = ? and json_extract(data, '$.role') = '${role}' limit 1`);
  const [question, answer] = [byRole("user"), byRole("assistant")];
  const part = rowOf(`select * from part where session_id = ? and json_extract(data, '$.type') = 'text' limit 1`);
  const tool = rowOf(
    `select * from part where session_id = ? and json_extract(data, '$.state.status') = 'completed' limit 1`,
  );
  database.transaction(() => {
    insert("session", { ...rowOf("select * from session where id = ?"), id, title, slug: id, time_updated: now });
    let asked = "";
    for (let index = 0; index < size.messages; index += 1) {
      const messageID = `msg_0${id.slice(5, 11)}${String(index).padStart(8, "0")}`;
      const isQuestion = index % 2 === 0;
      const document = JSON.parse(String((isQuestion ? question : answer).data)) as object;
      if (isQuestion) asked = messageID;
      const data = JSON.stringify(isQuestion ? document : { ...document, parentID: asked });
      const time = now - (size.messages - index) * 1000;
      const own = { session_id: id, time_created: time, time_updated: time };
      insert("message", { ...question, ...own, id: messageID, data });
      const parts = size.partsPerMessage;
      for (let position = 0; position < parts; position += 1) {
        const isLast = index === size.messages - 1 && position === parts - 1;
        const isTool = !isQuestion && position % 2 === 0 && !isLast;
        const text = isLast ? LAST_WORDS : `Part ${index}.${position}: ${"words of some session ".repeat(38)}`;
        const body = isTool ? toolDocument(tool, text) : JSON.stringify({ type: "text", text });
        const partID = `prt_0${id.slice(5, 11)}${String(index * parts + position).padStart(8, "0")}`;
        insert("part", { ...part, ...own, id: partID, message_id: messageID, data: body });
      }
    }
  })();
  return id;
}

function toolDocument({ data }: Row, output: string): string {
  const document = JSON.parse(String(data)) as { readonly state: object };
  return JSON.stringify({ ...document, state: { ...document.state, output } });
}
