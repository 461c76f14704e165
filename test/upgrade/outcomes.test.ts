import { describe, expect, test } from "bun:test";
import { isFields, parseDocument } from "../../plugin/stores/conversation.ts";
import type { SourceSession } from "../../plugin/stores/source-session.ts";
import type { Outcome } from "../../plugin/upgrade/departure.ts";
import { asImported } from "../../plugin/upgrade/import-contract.ts";
import { importOutcomes, type SessionOutcomes } from "../../plugin/upgrade/outcomes.ts";
import { type ImportCase, NEIGHBOURS, TABLE, TABLE_CASES } from "./import-cases.ts";
import { baseRows, type Rows } from "./import-rows.ts";

const STORE = asImported({
  ...{ generation: "sqlite", dataDir: "/data", contract: "strict", hostVersion: "1.18.33", sessionDiffReader: null },
});

const JSON_COLUMNS = ["summary_diffs", "metadata", "revert", "permission", "model"];

/** The rows as a database returns them. check-upgrade.test.ts tests the code that reads them from a database. */
function sourceOf({ session, messages, parts }: Rows): SourceSession {
  const document = (data: unknown) => parseDocument({ bytes: Buffer.from(String(data)), storage: "text" });
  const record = (row: Rows["messages"][number], messageID: unknown) => ({
    ...{
      id: String(row.id),
      messageID: String(messageID),
      sessionID: String(row.session_id),
      storage: "text" as const,
    },
    ...{
      created: row.time_created,
      updated: row.time_updated,
      document: document(row.data),
      bytes: String(row.data).length,
    },
  });
  const known = new Set(messages.map(({ id }) => id));
  return {
    id: String(session.id),
    row: Object.fromEntries(Object.entries(session).filter(([name]) => !JSON_COLUMNS.includes(name))),
    json: new Map(JSON_COLUMNS.flatMap((name) => (session[name] == null ? [] : [[name, document(session[name])]]))),
    hasProject: true,
    isBeforeUsage: false,
    messages: messages.map((row) => record(row, row.id)),
    parts: parts.map((row) => ({ ...record(row, row.message_id), hasMessage: known.has(row.message_id ?? "") })),
  };
}

function outcomesIn(each: ImportCase): SessionOutcomes {
  const rows = baseRows();
  each.change(rows);
  return importOutcomes(sourceOf(rows), STORE);
}

/** The outcomes by id, in the form of `ImportCase.outcomes`. */
function byID({ departures }: SessionOutcomes): Record<string, Outcome> {
  return Object.fromEntries(
    departures.map(({ recordID, column, outcome }) => [
      column === undefined ? recordID : `${recordID}.${column}`,
      outcome,
    ]),
  );
}

/** What 2.x has after the import, in the form of v2-cases.tsv. */
function tableRow({ messages, departures }: SessionOutcomes): string {
  const content = (data: unknown) => {
    const items = isFields(data) && Array.isArray(data.content) ? data.content.filter(isFields) : [];
    return items
      .map(({ type, state }) => (type === "tool" && isFields(state) ? `tool:${state.status}` : type))
      .join(",");
  };
  const has = messages.map(({ type, data }) => (type === "assistant" ? `assistant[${content(data)}]` : type)).join(" ");
  const warnings = departures
    .filter(({ outcome, isByDesign, only }) => outcome === "dropped" && !isByDesign && only === undefined)
    .filter(({ reason }) => reason !== "its message does not arrive" && !reason.includes("comma"))
    .map(({ kind, recordID, reason }) =>
      reason === "its message is not there" ? `orphan-part:${recordID}` : `invalid-${kind}:${recordID}`,
    );
  const unreadable = departures.some(({ outcome }) => outcome === "unreadable") ? " | THEN UNREADABLE IN 2.x" : "";
  return `${has === "" ? "(nothing)" : has} | warn: ${warnings.length === 0 ? "-" : warnings.join(" ")}${unreadable}`;
}

describe("what the import of 2.x makes of a session, as v2-cases.tsv has it", () => {
  test("every row of the table has a case", () => {
    expect(TABLE_CASES.map(({ name }) => name)).toEqual([...TABLE.keys()]);
  });

  test.each(TABLE_CASES.map((each) => [each.name, each] as const))("%s", (name, each) => {
    const outcomes = outcomesIn(each);
    expect(tableRow(outcomes)).toBe((TABLE.get(name) ?? "").replace(/: user -> DECODE.*/, ""));
    expect(byID(outcomes)).toEqual(each.outcomes);
  });

  test.each(NEIGHBOURS.map((each) => [each.name, each] as const))("and beside it: %s", (_name, each) => {
    expect(byID(outcomesIn(each))).toEqual(each.outcomes);
  });
});
