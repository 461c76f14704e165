import type { HostProfile } from "../../hosts/profile.ts";
import type { RowValues } from "../../model/artifact.ts";
import type { PathSystem } from "../../model/store-description.ts";
import type { Description, Vocabulary } from "../vocabulary.ts";
import { fileDiff, messageID, partID, sessionID } from "./values.ts";

/** The schemas of the JSON columns of a session row, by the rules of a range of versions that checks records. */
export function sessionColumns({ emptyIfFalse }: HostProfile): Readonly<Record<string, Description>> {
  const isEmpty = (column: string) => emptyIfFalse.includes(column);
  const column =
    (name: string, filled: Description): Description =>
    (is) =>
      isEmpty(name) ? is.ifAny(filled(is)) : is.nullable(filled(is));
  return {
    revert: column("revert", (is) =>
      is.object({
        messageID: messageID(is),
        partID: isEmpty("revert") ? is.ifAny(partID(is)) : is.optional(partID(is)),
        snapshot: is.optional(is.text),
        diff: is.optional(is.text),
      }),
    ),
    model: column("model", (is) => is.object({ id: is.text, providerID: is.text, variant: is.optional(is.text) })),
    permission: column("permission", (is) =>
      is.listOf(is.object({ permission: is.text, pattern: is.text, action: is.oneOf("allow", "deny", "ask") })),
    ),
    metadata: column("metadata", (is) => is.record),
    summary_diffs: column("summary_diffs", (is) => is.listOf(fileDiff(is))),
  };
}

/** The schema of a row whose table may lack columns. A missing column is not judged. */
function columns<S>(is: Vocabulary<S>, fields: Readonly<Record<string, S>>): S {
  return is.object(Object.fromEntries(Object.entries(fields).map(([name, schema]) => [name, is.optional(schema)])));
}

/** The schema of a session row without its JSON columns. */
export function strictSessionRow({ wantsAbsolutePaths }: HostProfile, system: PathSystem): Description {
  return (is) => columns(is, sessionCells(is, wantsAbsolutePaths ? is.ifAny(is.absolutePath(system)) : is.text));
}

function sessionCells<S>(is: Vocabulary<S>, directory: S): Readonly<Record<string, S>> {
  const textIfAny = is.nullable(is.text);
  return {
    id: sessionID(is),
    project_id: is.text,
    workspace_id: is.nullable(is.beginning("wrk")),
    parent_id: is.nullable(sessionID(is)),
    slug: is.text,
    // `directory` is the only path of the row that may be empty.
    directory,
    path: textIfAny,
    title: is.text,
    version: is.text,
    share_url: textIfAny,
    summary_additions: is.nullable(is.finite),
    summary_deletions: is.nullable(is.finite),
    summary_files: is.nullable(is.finite),
    cost: is.finite,
    tokens_input: is.finite,
    tokens_output: is.finite,
    tokens_reasoning: is.finite,
    tokens_cache_read: is.finite,
    tokens_cache_write: is.finite,
    agent: textIfAny,
    time_created: is.integer,
    time_updated: is.integer,
    time_compacting: is.nullable(is.integer),
    time_archived: is.nullable(is.finite),
  };
}

/** The schema of the list of a project's other worktrees, which is JSON in a column. */
const sandboxesOn =
  (system: PathSystem): Description =>
  (is) =>
    is.listOf(is.lookedUpPath(system, true));

/** The columns of a project row, without JSON columns, that can stop opencode from starting in that project. */
const projectRowOn =
  (system: PathSystem): Description =>
  (is) =>
    columns(is, { worktree: is.absolutePath(system), vcs: is.ifAny(is.oneOf("git")) });

/** The schemas of a project row for both systems. They are built once, because schemas are compared by identity. */
export const PROJECT_SHAPES: Readonly<
  Record<PathSystem, { readonly row: Description; readonly sandboxes: Description }>
> = {
  posix: { row: projectRowOn("posix"), sandboxes: sandboxesOn("posix") },
  windows: { row: projectRowOn("windows"), sandboxes: sandboxesOn("windows") },
};

export const todoRow: Description = (is) => columns(is, { content: is.text, status: is.text, priority: is.text });

/**
 * Whether opencode builds a summary for a session, and so reads its diffs. opencode reads the diffs only if one of
 * these columns has a value.
 */
export function hasSummary(row: RowValues | null): boolean {
  return ["summary_additions", "summary_deletions", "summary_files"].some((column) => (row?.[column] ?? null) !== null);
}
