import { SALVAGED_SLUG } from "../stores/conversation.ts";
import type { Connection } from "../stores/sqlite/driver.ts";
import { hasTable } from "./fill-from-events.ts";

/** How many rows were rebuilt from their children. */
export interface Rebuilt {
  projects: number;
  sessions: number;
  messages: number;
}

/**
 * Rebuilds missing parent rows, because opencode does not show a row without its parent. A message is rebuilt from its
 * parts, a session from its messages, a project from its sessions. Rebuilt rows contain only values that their children
 * show. The counters of the event log are rebuilt too.
 */
export function rebuildParents(
  connection: Connection,
  mended: (created: number, updated: number, role: string) => string,
): Rebuilt {
  const rebuilt: Rebuilt = { projects: 0, sessions: 0, messages: 0 };
  const orphans = connection.all(`select message_id as id, min(session_id) as session, min(time_created) as created,
      max(time_updated) as updated, group_concat(distinct case when json_valid(data) then json_extract(data, '$.type') end) as types
    from part where message_id not in (select id from message) and message_id glob 'msg*' group by 1`);
  for (const row of orphans) {
    const isAssistant = /tool|step|reasoning|patch|snapshot|retry/.test(String(row.types));
    const [created, updated] = [Number(row.created) || 0, Number(row.updated) || 0];
    rebuilt.messages += connection.run(
      "insert or ignore into message (id, session_id, time_created, time_updated, data) values (?, ?, ?, ?, ?)",
      ...[row.id ?? null, row.session ?? null, created, updated],
      mended(created, updated, isAssistant ? "assistant" : "user"),
    );
  }
  rebuilt.sessions = rebuildSessions(connection);
  rebuilt.projects = rebuildProjects(connection);
  if (hasTable(connection, "event_sequence") && hasTable(connection, "event")) {
    // opencode numbers the events of a session by this counter. Without the counter, opencode would begin at 0 again,
    // and fail on a number that already exists.
    connection.exec(`insert into event_sequence (aggregate_id, seq) select aggregate_id, max(seq) from event group by 1
      on conflict (aggregate_id) do update set seq = max(seq, excluded.seq)`);
  }
  return rebuilt;
}

/** The title and version of a session whose own title and version are lost. */
export const SALVAGED_TITLE = "Recovered session";
export const SALVAGED_VERSION = "0.0.0";

function rebuildSessions(connection: Connection): number {
  const versions = connection.all("select version from session order by time_created desc limit 1");
  const version = String(versions[0]?.version ?? SALVAGED_VERSION);
  // opencode before 1.17 stores Windows paths with backslashes everywhere, so no conversion is needed.
  const spelled = keepsSlashes(connection) ? slashed : (folder: string) => folder;
  const directory = onlyDirectory(connection, spelled);
  return connection.run(
    `with named as (select ${CWD} as cwd, max(json_extract(data, '$.path.root')) as root
       from message where json_valid(data) and session_id not in (select id from session) group by 1)
     insert or ignore into session (id, project_id, slug, directory, title, version, time_created, time_updated)
     select lost.id, coalesce((select project_id from session where ${spelled("directory")} = ${spelled("lost.cwd")} limit 1),
         (select id from project where ${spelled("worktree")} = ${spelled("coalesce(nullif(lost.root, '/'), (select root from named where named.cwd = lost.cwd))")} limit 1), 'global'),
       case when lost.ran_in_root and lost.cwd = '/' then '${RAN_IN_ROOT_SLUG}' else '${SALVAGED_SLUG}' end, ${spelled("lost.cwd")}, ?, ?, lost.created, lost.updated
     from (select session_id as id, min(time_created) as created, max(time_updated) as updated,
         max(${RAN_IN_ROOT}) as ran_in_root,
         coalesce(max(nullif(${CWD}, '/')), case when max(${RAN_IN_ROOT}) then '/' end, ?, '/') as cwd,
         max(case when json_valid(data) then json_extract(data, '$.path.root') end) as root
       from message where session_id not in (select id from session) and session_id glob 'ses*' group by 1) lost`,
    SALVAGED_TITLE,
    version,
    directory,
  );
}

/**
 * An SQL expression for a folder with `/` as separator, so that paths can be compared. On Windows, messages have `\\`
 * where sessions may have `/`.
 */
function slashed(folder: string): string {
  return `case when ${folder} glob '[A-Za-z]:\\*' or ${folder} glob '\\\\*' then replace(${folder}, '\\', '/') else ${folder} end`;
}

/** Whether this database stores the Windows folders of sessions with `/`, as 1.17 and newer do. */
export function keepsSlashes(connection: Connection): boolean {
  return (
    connection.all("select 1 from session where directory glob '[A-Za-z]:/*' or directory glob '//*' limit 1").length >
    0
  );
}

/**
 * The slug of a rebuilt session that really ran in `/`. All other rebuilt sessions with the folder `/` have an unknown
 * folder.
 */
const RAN_IN_ROOT_SLUG = `${SALVAGED_SLUG}-in-root`;

/**
 * An SQL expression: whether opencode itself wrote `/` as the folder of an answer. A rebuilt message also names `/`,
 * but answers no message.
 */
const RAN_IN_ROOT = `case when json_valid(data) then
  json_extract(data, '$.path.cwd') = '/' and json_extract(data, '$.parentID') <> 'msg_' else 0 end`;

/** An SQL expression for the folder that a message names. */
export const CWD = "case when json_valid(data) then json_extract(data, '$.path.cwd') end";

/**
 * The folder of all sessions and messages that still name a folder; `null` if they name several folders. `/` is
 * ignored, because rebuilt messages name it.
 */
function onlyDirectory(connection: Connection, spelled: (folder: string) => string): string | null {
  const isLost = "select 1 from message where session_id not in (select id from session) limit 1";
  if (connection.all(isLost).length === 0) return null;
  const found = connection.all(`select distinct ${spelled("directory")} as directory from session where directory <> ''
    union select ${spelled(CWD)} from message where session_id not in (select id from session) limit 4`);
  const [first, ...others] = found.map((row) => row.directory).filter((each) => each !== null && each !== "/");
  return others.length === 0 && typeof first === "string" ? first : null;
}

function rebuildProjects(connection: Connection): number {
  return connection.run(`insert or ignore into project (id, worktree, vcs, time_created, time_updated, sandboxes)
    select project_id, case when project_id = 'global' then '/' else min(directory) end,
      case when length(project_id) = 40 then 'git' end, min(time_created), max(time_updated), '[]'
    from session where project_id not in (select id from project) group by 1`);
}
