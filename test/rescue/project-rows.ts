import type { ColumnChange } from "../../plugin/rescue/relink.ts";
import { openDatabase } from "../host/record-place.ts";
import type { World } from "./world.ts";

type Row = Readonly<Record<string, unknown>>;

/** The table rows that say which folders each project has. */
export interface ProjectRows {
  readonly project: readonly Row[];
  /** Empty if the database of the host has no such table (before 1.17). */
  readonly project_directory: readonly Row[];
}

/** The rows of every project, without the times that a host writes at each start. */
export function projectRows(world: World): ProjectRows {
  using database = openDatabase(world.home);
  const tables = database.query("select 1 from sqlite_master where name = 'project_directory'").all();
  return {
    project: database.query<Row, []>("select id, worktree, vcs, sandboxes from project order by id").all(),
    project_directory:
      tables.length === 0
        ? []
        : database.query<Row, []>("select * from project_directory order by project_id, directory").all(),
  };
}

/** The rows that a list of changes must produce. Rows that the list does not name stay the same. */
export function changedProjects(
  { project, project_directory }: ProjectRows,
  changes: readonly ColumnChange[],
): ProjectRows {
  const rows = new Map(project.map((row) => [String(row.id), { ...row }]));
  for (const { table, id, column, to } of changes) {
    if (table !== "project") continue;
    rows.set(id, { ...(rows.get(id) ?? { id, worktree: "", vcs: null, sandboxes: "[]" }), [column]: to });
  }
  const inOrder = [...rows.values()].sort((a, b) => (String(a.id) < String(b.id) ? -1 : 1));
  return { project: inOrder, project_directory };
}

/** Describes each row that differs between `found` and `wanted`. */
export function otherRows(when: string, found: ProjectRows, wanted: ProjectRows): string[] {
  const texts = (rows: ProjectRows) =>
    Object.entries(rows).flatMap(([table, each]) =>
      (each as readonly Row[]).map((row) => `${table} ${JSON.stringify(row)}`),
    );
  const [have, want] = [texts(found), texts(wanted)];
  return [
    ...have.filter((row) => !want.includes(row)).map((row) => `${when}: not to be there: ${row}`),
    ...want.filter((row) => !have.includes(row)).map((row) => `${when}: is not there: ${row}`),
  ];
}

/**
 * Describes each project that names its worktree in `sandboxes` too. A host does not write that if it first met the
 * project in its worktree.
 */
export function worktreesTwice({ project }: ProjectRows): string[] {
  return project.flatMap(({ worktree, sandboxes }) =>
    (JSON.parse(String(sandboxes)) as unknown[]).includes(worktree)
      ? [`the worktree ${worktree} is in sandboxes too`]
      : [],
  );
}
