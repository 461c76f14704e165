import { basename, dirname, join } from "node:path";
import { isFolderHere, NO_WORKTREE } from "../hosts/folder-paths.ts";
import type { FileSystem } from "../platform/file-system.ts";
import type { ProjectFacts, SessionFacts } from "../stores/conversation.ts";
import { carries, type FolderProject, folderProject, GLOBAL_ID, type NamingRule } from "./folder-project.ts";

/** At most this many folders next to a missing one are checked. */
const MOST_SIBLINGS = 2_000;

/** The facts about the folders that a database names. Each is looked at once. */
export class KnownFolders {
  readonly #files: FileSystem;
  readonly #rule: NamingRule;
  readonly #seen = new Map<string, Promise<FolderProject | null>>();
  readonly #named: ReadonlySet<string>;
  readonly #listed = new Map<string, Promise<readonly string[]>>();
  readonly #spelled = new Map<string, Promise<ReadonlyMap<string, readonly string[]>>>();
  readonly #siblings = new Map<string, Promise<readonly string[]>>();

  constructor(
    files: FileSystem,
    rule: NamingRule,
    projects: readonly ProjectFacts[],
    sessions: readonly SessionFacts[],
  ) {
    this.#files = files;
    this.#rule = rule;
    this.#named = new Set(
      [...projects.flatMap(foldersOf), ...sessions.map(({ directory }) => directory ?? "")].filter(isFolderName),
    );
  }

  /**
   * The folder as opencode finds it at this path; `null` if there is none. A folder that cannot be accessed is an
   * error.
   */
  at(folder: string): Promise<FolderProject | null> {
    const known = this.#seen.get(folder) ?? folderProject(this.#files, folder, this.#rule);
    this.#seen.set(folder, known);
    return known;
  }

  /** The folder as opencode finds it at this path. A folder that cannot be accessed counts as unknown. */
  async look(folder: string): Promise<FolderProject | null | "unknown"> {
    return this.at(folder).catch(() => "unknown" as const);
  }

  /**
   * The path of a folder, as opencode stores it, with symbolic links above it resolved. The folder itself may be
   * missing. `null` if the path does not belong to this system.
   */
  async realPlace(folder: string): Promise<string | null> {
    if (!isFolderHere(folder)) return null;
    for (let at = folder; ; at = dirname(at)) {
      const real = await this.#files.realPath(at).catch(() => null);
      if (real !== null) return join(real, folder.slice(at.length));
      if (at === dirname(at)) return null;
    }
  }

  /**
   * The git worktrees in which an opencode lists all sessions of a project, whatever their folder. `global` has none.
   */
  async carriersOf(projectID: string, goneRoot: string | null): Promise<FolderProject[]> {
    if (projectID === GLOBAL_ID) return [];
    const around = goneRoot === null ? [] : [...(await this.#besideOf(goneRoot)), await this.#nearestAbove(goneRoot)];
    const carriers = new Map<string, FolderProject>();
    for (const folder of [...this.#named, ...around]) {
      const found = await this.look(folder);
      if (found === null || found === "unknown" || found.repository === null || !carries(found, projectID)) continue;
      // By its configuration the worktree is elsewhere. An opencode that is started there does not find this repository.
      if (found.repository.isElsewhere) continue;
      if (!carriers.has(found.worktree)) carriers.set(found.worktree, found);
    }
    return [...carriers.values()];
  }

  /** The folders next to a missing one whose names differ from its name by case or the form of accents alone. */
  async spelledAlike(gone: string): Promise<string[]> {
    const parent = dirname(gone);
    const spelled = this.#spelled.get(parent) ?? this.#foldersIn(parent).then(bySpelling);
    this.#spelled.set(parent, spelled);
    return ((await spelled).get(plainName(basename(gone))) ?? []).map((name) => join(parent, name));
  }

  /** The nearest folder above a missing one: it may be in the main worktree of a linked worktree that was removed. */
  async #nearestAbove(gone: string): Promise<string> {
    let at = dirname(gone);
    while (at !== dirname(at) && (await this.look(at)) === null) at = dirname(at);
    return at;
  }

  /** Folders with git next to a missing one, which may have been renamed to one of them. */
  #besideOf(gone: string): Promise<readonly string[]> {
    const parent = dirname(gone);
    const known = this.#siblings.get(parent) ?? this.#repositoriesIn(parent);
    this.#siblings.set(parent, known);
    return known;
  }

  /** The names of the folders in a folder. */
  #foldersIn(parent: string): Promise<readonly string[]> {
    const known = this.#listed.get(parent) ?? this.#listFolders(parent);
    this.#listed.set(parent, known);
    return known;
  }

  async #listFolders(parent: string): Promise<string[]> {
    const entries = (await this.#files.list(parent).catch(() => null)) ?? [];
    return entries.flatMap(({ name, type }) => (type === "directory" ? [name] : []));
  }

  async #repositoriesIn(parent: string): Promise<string[]> {
    const found: string[] = [];
    for (const name of (await this.#foldersIn(parent)).slice(0, MOST_SIBLINGS)) {
      const dotGit = await this.#files.stat(join(parent, name, ".git")).catch(() => null);
      if (dotGit !== null) found.push(join(parent, name));
    }
    return found;
  }
}

/** Every folder that the record of a project names. */
export function foldersOf({ worktree, sandboxes, directories }: ProjectFacts): string[] {
  return [worktree, ...sandboxes, ...directories.map(({ directory }) => directory)];
}

function plainName(name: string): string {
  return name.normalize("NFC").toLowerCase().trim();
}

/** Names by what they have in common if case, the form of accents and spaces at the ends do not count. */
function bySpelling(names: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const name of names) {
    const own = found.get(plainName(name));
    if (own === undefined) found.set(plainName(name), [name]);
    else own.push(name);
  }
  return found;
}

function isFolderName(folder: string): boolean {
  return folder !== NO_WORKTREE && isFolderHere(folder);
}
