import type { RowValues } from "../model/artifact.ts";
import type { SessionRows } from "./session-rows.ts";

/**
 * The JSON document that `opencode import FILE` accepts. It has the form that `opencode export` writes (from the source
 * of 1.17.18 and 1.18.33).
 */
export function importDocument({ rows }: Pick<SessionRows, "rows">): object {
  const session = rows.find(({ table }) => table === "session")?.values ?? {};
  const messages = rows.filter(({ table }) => table === "message").map(({ values }) => values);
  const parts = new Map<string, object[]>();
  for (const { table, values } of rows) {
    if (table !== "part") continue;
    const messageID = String(values.message_id);
    const { id, session_id: sessionID } = values;
    parts.set(messageID, [...(parts.get(messageID) ?? []), { ...document(values.data), id, sessionID, messageID }]);
  }
  return {
    info: info(session),
    messages: messages.map(({ id, session_id: sessionID, data }) => ({
      info: { ...document(data), id, sessionID },
      parts: parts.get(String(id)) ?? [],
    })),
  };
}

function info(row: RowValues): object {
  const summary = {
    additions: row.summary_additions ?? 0,
    deletions: row.summary_deletions ?? 0,
    files: row.summary_files ?? 0,
    ...present({ diffs: parsed(row.summary_diffs) }),
  };
  const hasSummary = [row.summary_additions, row.summary_deletions, row.summary_files].some((each) => each != null);
  return {
    id: row.id,
    slug: row.slug,
    projectID: row.project_id,
    directory: row.directory,
    title: row.title,
    version: row.version,
    cost: row.cost ?? 0,
    tokens: {
      input: row.tokens_input ?? 0,
      output: row.tokens_output ?? 0,
      reasoning: row.tokens_reasoning ?? 0,
      cache: { read: row.tokens_cache_read ?? 0, write: row.tokens_cache_write ?? 0 },
    },
    time: present({
      created: row.time_created,
      updated: row.time_updated,
      compacting: row.time_compacting,
      archived: row.time_archived,
    }),
    ...present({
      parentID: row.parent_id,
      agent: row.agent,
      share: row.share_url == null ? null : { url: row.share_url },
      summary: hasSummary ? summary : null,
      revert: parsed(row.revert),
      permission: parsed(row.permission),
      metadata: parsed(row.metadata),
      model: parsed(row.model),
    }),
  };
}

function document(data: RowValues[string] | undefined): object {
  const value = parsed(data);
  return typeof value === "object" && value !== null ? value : {};
}

function parsed(json: RowValues[string] | undefined): unknown {
  return typeof json === "string" ? JSON.parse(json) : null;
}

/** Leaves out empty fields, because opencode's schema accepts a missing key, but not `null`. */
function present(fields: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null));
}
