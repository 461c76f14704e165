import { ID_DIFFERS, LEGACY_MODEL, UNKNOWN_WORKSPACE } from "../../faults/refused.ts";
import {
  canBeLookedUp,
  folderBelow,
  isAbsoluteFor,
  isFolderOf,
  NO_WORKTREE,
  storedPath,
  systemOfPath,
} from "../../hosts/folder-paths.ts";
import { OTHER_THAN_NAME } from "../../records/mismatch.ts";
import { isFields, textIn, valueIn } from "../../stores/conversation.ts";
import { modelOf } from "./neighbours.ts";
import { ABSENT, ANY, isTime, pathKeys, type Rule, type Subject, set, WRONG } from "./rule.ts";

/**
 * Columns of a session that may be empty. A value that opencode refuses is of no use in these columns, so the column is
 * emptied.
 */
const OPTIONAL_COLUMNS =
  /^(path|share_url|agent|summary_additions|summary_deletions|summary_files|time_compacting|time_archived)$/;

const TOKEN_COLUMNS = {
  tokens_input: "input",
  tokens_output: "output",
  tokens_reasoning: "reasoning",
  tokens_cache_read: "read",
  tokens_cache_write: "write",
} as const;

export const SESSION_RULES: readonly Rule[] = [
  {
    name: "session-model",
    issues: [26435, 26572],
    invariant: LEGACY_MODEL.invariant,
    source: "The value of the session's own field `modelID` is used; older versions gave this name to the field.",
    of: ["session.model"],
    at: /^model\.id$/,
    found: ABSENT,
    derive: ({ document }, mismatch) =>
      textIn(document, "providerID") === null ? null : set(mismatch, textIn(document, "modelID")),
  },
  {
    name: "session-last-model",
    issues: [26435],
    invariant: LEGACY_MODEL.invariant,
    source: "The model of the last message that names a model is used.",
    of: ["session.model"],
    at: /^model\.(id|providerID)$/,
    found: ANY,
    derive: ({ neighbours }) => {
      const last = neighbours.messages.findLast((message) => modelOf(message) !== null);
      const model = last === undefined ? null : modelOf(last);
      if (model === null) return null;
      return [{ column: "model", to: JSON.stringify({ id: model.modelID, providerID: model.providerID }) }];
    },
  },
  {
    name: "session-directory",
    issues: [50401, 35846],
    invariant: "A session's folder is an absolute path.",
    source:
      "If all answers worked in one folder, that folder is used. Otherwise the folder is derived from the project's folder and the session's `path`.",
    of: ["session"],
    at: /^directory$/,
    found: ANY,
    derive: (subject, mismatch) => column(mismatch, directoryOf(subject)),
  },
  {
    name: "session-workspace",
    issues: [38303],
    invariant: UNKNOWN_WORKSPACE.invariant,
    source: "The value is emptied, because the workspace no longer exists.",
    of: ["session"],
    at: /^workspace_id$/,
    found: WRONG,
    derive: () => [{ column: "workspace_id", to: null }],
  },
  {
    name: "session-parent",
    issues: [],
    invariant: "The parent of a session is a session, so the parent's id begins with `ses`.",
    source: "The value is emptied, because no session has the stored id.",
    of: ["session"],
    at: /^parent_id$/,
    found: WRONG,
    derive: () => [{ column: "parent_id", to: null }],
  },
  {
    name: "session-time",
    issues: [],
    invariant: "A session's times are whole milliseconds.",
    source: "The time is rounded down. A missing time is taken from the first or the last message.",
    of: ["session"],
    at: /^time_(created|updated)$/,
    found: ANY,
    derive: ({ row, neighbours }, mismatch) => {
      const { name } = nameOf(mismatch);
      const given = row?.[name];
      if (typeof given === "number" && given >= 0) return column(mismatch, Math.floor(given));
      const times = neighbours.messages.flatMap(({ rowMs }) => (isTime(rowMs) ? [rowMs] : []));
      return column(mismatch, name === "time_created" ? times[0] : times.at(-1));
    },
  },
  {
    name: "session-usage",
    issues: [50076],
    invariant: "A session's cost and tokens are numbers.",
    source: "The values of the session's messages are added, as opencode's own migration does.",
    of: ["session"],
    at: /^(cost|tokens_(input|output|reasoning|cache_read|cache_write))$/,
    found: ANY,
    derive: ({ neighbours }, mismatch) => {
      const { name } = nameOf(mismatch);
      const of = neighbours.messages.map((message) =>
        isTokenColumn(name) ? message.tokens[TOKEN_COLUMNS[name]] : message.cost,
      );
      return column(
        mismatch,
        of.reduce<number>((sum, each) => sum + (each ?? 0), 0),
      );
    },
  },
  {
    name: "session-column",
    issues: [],
    invariant: "Optional columns of a session are empty, or hold a valid value.",
    source: "The column is emptied.",
    of: ["session"],
    at: OPTIONAL_COLUMNS,
    found: WRONG,
    derive: (_subject, mismatch) => column(mismatch, null),
  },
  {
    name: "session-revert",
    issues: [],
    invariant: "A revert names the message to which the user took the session back.",
    source: "The revert is emptied, because it names no message.",
    of: ["session.revert"],
    at: /^revert(\.messageID)?$/,
    found: ANY,
    derive: () => [{ column: "revert", to: null }],
  },
  {
    name: "diff-counts",
    issues: [38703],
    invariant: "A changed file states how many lines were added and removed.",
    source: "The lines of the file's patch are counted. If there is no patch, the number becomes 0.",
    of: ["session.summary_diffs", "user"],
    at: /diffs(\[\d+\])\.(additions|deletions)$/,
    found: ABSENT,
    derive: ({ document }, mismatch) => {
      const place = pathKeys(mismatch);
      const within = place[0] === "summary_diffs" ? place.slice(1) : place;
      return set(mismatch, linesOf(at(document, within.slice(0, -1)), within.at(-1) === "additions" ? "+" : "-"));
    },
  },
  {
    name: "project-sandboxes",
    issues: [50401],
    invariant: "A project's other worktrees are absolute paths that the system can look up.",
    source: "Such paths are kept. All other paths are left out.",
    of: ["project.sandboxes"],
    at: /^sandboxes(\[\d+\])?$/,
    found: ANY,
    derive: ({ document, system }) => {
      if (!Array.isArray(document)) return null;
      const texts = document.filter((each: unknown) => typeof each === "string");
      // A path of another operating system may be the folder of a real user, so the path is kept.
      if (texts.some((each) => !isAbsoluteFor(system, each) && systemOfPath(each) !== null)) return null;
      const kept = texts.filter((each) => isAbsoluteFor(system, each) && canBeLookedUp(system, each));
      return [{ column: "sandboxes", to: JSON.stringify(kept) }];
    },
  },
  {
    name: "project-vcs",
    issues: [],
    invariant: "A project's version control is git, or absent.",
    source: "The value is emptied. opencode determines it again when it starts.",
    of: ["project"],
    at: /^vcs$/,
    found: WRONG,
    derive: () => [{ column: "vcs", to: null }],
  },
  {
    name: "own-id",
    issues: [],
    invariant: ID_DIFFERS.invariant,
    source: "The name of the file is used.",
    of: ["session file", "project file"],
    at: /^id$/,
    found: ANY,
    derive: ({ artifact }, mismatch) => (mismatch.words === OTHER_THAN_NAME ? set(mismatch, artifact.recordID) : null),
  },
];

function nameOf(mismatch: Parameters<typeof pathKeys>[0]): { readonly name: string } {
  return { name: String(mismatch.path[0]) };
}

function column(mismatch: Parameters<typeof pathKeys>[0], to: string | number | null | undefined) {
  return to === undefined ? null : [{ column: nameOf(mismatch).name, to }];
}

function isTokenColumn(name: string): name is keyof typeof TOKEN_COLUMNS {
  return Object.hasOwn(TOKEN_COLUMNS, name);
}

function directoryOf({ neighbours, system }: Subject): string | undefined {
  const folders = new Set(neighbours.messages.flatMap(({ cwd }) => (cwd === null ? [] : [cwd])));
  const [only] = folders;
  // In a container, a user may have worked in `/`. On Windows, `/` is never the folder of a user.
  const isRoot = system === "posix" && only === NO_WORKTREE;
  if (folders.size === 1 && (isRoot || isFolderOf(system, only))) return storedPath(system, only);
  const { session, project } = neighbours.session;
  const worktree = project?.worktree;
  if (!isFolderOf(system, worktree)) return undefined;
  const path = session?.path;
  return typeof path === "string" && !/^[a-z]+:|^[\\/]|(^|[\\/])\.\.([\\/]|$)/i.test(path)
    ? folderBelow(system, worktree, path)
    : storedPath(system, worktree);
}

function at(value: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (found, key) => (Array.isArray(found) ? found[Number(key)] : valueIn(found, String(key))),
    value,
  );
}

function linesOf(diff: unknown, sign: "+" | "-"): number | null {
  if (!isFields(diff)) return null;
  const lines = textIn(diff, "patch")?.split("\n") ?? [];
  return lines.filter((line) => line.startsWith(sign) && !line.startsWith(sign.repeat(3))).length;
}
