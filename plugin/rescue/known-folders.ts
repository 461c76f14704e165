import { basename, dirname, join } from "node:path";
import { isFolderHere, NO_WORKTREE } from "../hosts/folder-paths.ts";
import type { FileSystem } from "../platform/file-system.ts";
import type { ProjectFacts, SessionFacts } from "../stores/conversation.ts";
import { carries, type FolderProject, folderProject, GLOBAL_ID, type NamingRule } from "./folder-project.ts";

/** A missing folder may have been renamed to one of its neighbours. At most this many neighbours are looked at. */
const MOST_SIBLINGS = 2_000;

/**
 * Facts about the folders that a database names. Each folder is looked at only once, because many sessions share a
 * folder.
 */
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

  /** What opencode finds at a path; `null` if there is no folder. Throws if the folder cannot be accessed. */
  at(folder: string): Promise<FolderProject | null> {
    const known = this.#seen.get(folder) ?? folderProject(this.#files, folder, this.#rule);
    this.#seen.set(folder, known);
    return known;
  }

  /** What opencode finds at a path; `null` if there is no folder, `unknown` if the folder cannot be accessed. */
  async look(folder: string): Promise<FolderProject | null | "unknown"> {
    return this.at(folder).catch(() => "unknown" as const);
  }

  /**
   * The path of a folder with symbolic links resolved, as opencode stores it. The folder itself may be missing. `null`
   * if the path is not a path of this operating system.
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
   * The git worktrees in which opencode lists all sessions of a project, even sessions from other folders. The project
   * `global` has no such worktree.
   */
  async carriersOf(projectID: string, goneRoot: string | null): Promise<FolderProject[]> {
    if (projectID === GLOBAL_ID) return [];
    const around = goneRoot === null ? [] : [...(await this.#besideOf(goneRoot)), await this.#nearestAbove(goneRoot)];
    const carriers = new Map<string, FolderProject>();
    for (const folder of [...this.#named, ...around]) {
      const found = await this.look(folder);
      if (found === null || found === "unknown" || found.repository === null || !carries(found, projectID)) continue;
      // The setting `core.worktree` names another folder as the worktree. If opencode is started in that folder, it
      // does not find this repository.
      if (found.repository.isElsewhere) continue;
      if (!carriers.has(found.worktree)) carriers.set(found.worktree, found);
    }
    return [...carriers.values()];
  }

  /** Folders next to a missing folder whose names differ from it only in case, accents or spaces at the ends. */
  async spelledAlike(gone: string): Promise<string[]> {
    const parent = dirname(gone);
    const spelled = this.#spelled.get(parent) ?? this.#foldersIn(parent).then(bySpelling);
    this.#spelled.set(parent, spelled);
    return ((await spelled).get(plainName(basename(gone))) ?? []).map((name) => join(parent, name));
  }

  /**
   * The nearest existing folder above a missing folder. A removed git worktree may have been inside its main worktree.
   */
  async #nearestAbove(gone: string): Promise<string> {
    let at = dirname(gone);
    while (at !== dirname(at) && (await this.look(at)) === null) at = dirname(at);
    return at;
  }

  /** Git repositories next to a missing folder. The missing folder may have been renamed to one of them. */
  #besideOf(gone: string): Promise<readonly string[]> {
    const parent = dirname(gone);
    const known = this.#siblings.get(parent) ?? this.#repositoriesIn(parent);
    this.#siblings.set(parent, known);
    return known;
  }

  /** The names of the folders inside a folder. */
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

/** Groups names that differ only in case, in the form of accents, or in spaces at the ends. */
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
