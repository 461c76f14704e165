import type { FileSystem } from "../../plugin/platform/file-system.ts";

/** Is thrown when the process is assumed to die. Later operations throw it too, and have no effect. */
export class DeadError extends Error {
  constructor() {
    super("The process died here.");
    this.name = "DeadError";
  }
}

/**
 * What happens at the chosen operation. `die`: the process dies before the operation. `die-after`: it dies after the
 * operation. `power-cut`: like `die`, and everything that was not forced to disk is lost. `fail`: the operation fails
 * with an error code. If `lasting` is set, later operations fail too.
 */
export type Fault =
  | { readonly what: "die" | "die-after" | "power-cut" }
  | { readonly what: "fail"; readonly code: string; readonly lasting: boolean };

/** The faults that every experiment tries. */
export const FAULTS: readonly Fault[] = [
  { what: "die" },
  { what: "power-cut" },
  { what: "fail", code: "ENOSPC", lasting: true },
  { what: "fail", code: "EIO", lasting: false },
  { what: "fail", code: "EACCES", lasting: true },
];

/** What an operation does to the disk. */
export type Effect = "none" | "changes" | "takes space";

/** Counts the operations of one run on files and databases. One of them fails, as the fault says. */
export class FaultPlan {
  readonly #at: number;
  readonly #fault: Fault;
  readonly #mourners: (() => void)[] = [];
  #count = 0;
  #dead = false;

  /**
   * `at` is the number of the chosen operation, beginning with 1. For a death or a power cut, only operations that
   * change something count.
   */
  constructor(at: number, fault: Fault) {
    this.#at = at;
    this.#fault = fault;
  }

  /** Whether the chosen operation has been reached. */
  get happened(): boolean {
    return this.#count >= this.#at;
  }

  /** The number of operations so far. */
  get count(): number {
    return this.#count;
  }

  get isDead(): boolean {
    return this.#dead;
  }

  /** Registers work for the moment of death. The work does what the operating system does when a process ends. */
  onDeath(work: () => void): void {
    this.#mourners.push(work);
  }

  /** Called before an operation. Throws if the operation must not happen. */
  before(effect: Effect): void {
    if (this.#dead) throw new DeadError();
    const fault = this.#fault;
    if (fault.what !== "fail" && effect === "none") return;
    this.#count += 1;
    if (fault.what !== "fail" && fault.what !== "die-after" && this.#count === this.#at) this.#die();
    if (fault.what !== "fail") return;
    const isDue = this.#count === this.#at || (fault.lasting && this.happened);
    if (isDue && STRIKES[fault.code]?.includes(effect) !== false) throw errnoError(fault.code);
  }

  /** Called after an operation. */
  after(effect: Effect): void {
    if (effect !== "none" && this.#fault.what === "die-after" && this.#count === this.#at && !this.#dead) this.#die();
  }

  #die(): never {
    this.#dead = true;
    for (const mourn of this.#mourners) mourn();
    throw new DeadError();
  }
}

/**
 * The operations that the operating system refuses with this error code. It refuses all operations with a code that is
 * not listed.
 */
const STRIKES: Readonly<Record<string, readonly Effect[]>> = {
  ENOSPC: ["takes space"],
  EDQUOT: ["takes space"],
  EROFS: ["takes space", "changes"],
};

function errnoError(code: string): Error {
  return Object.assign(new Error(`${code}: made up by a test`), { code });
}

/** A file system in which operations fail as the plan says. Reads count as operations too. */
export function faultyFileSystem(files: FileSystem, plan: FaultPlan): FileSystem {
  const attempt = async <T>(effect: Effect, work: () => Promise<T>): Promise<T> => {
    plan.before(effect);
    const result = await work();
    plan.after(effect);
    return result;
  };
  return {
    stat: (path) => attempt("none", () => files.stat(path)),
    realPath: (path) => attempt("none", () => files.realPath(path)),
    list: (path) => attempt("none", () => files.list(path)),
    read: (path, largest) => attempt("none", () => files.read(path, largest)),
    readPiece: (path, offset, length) => attempt("none", () => files.readPiece(path, offset, length)),
    async *readChunks(path) {
      plan.before("none");
      yield* files.readChunks(path);
    },
    async writeNew(path, bytes, mode) {
      const wasDead = plan.isDead;
      try {
        await attempt("takes space", () => files.writeNew(path, bytes, mode));
      } catch (error) {
        // The file then has half of its content, as after a full disk or a crash.
        const half = bytes.subarray(0, bytes.length / 2);
        if (!wasDead) await files.writeNew(path, half, mode).catch(() => undefined);
        throw error;
      }
    },
    copyNew: (from, to, mode) => attempt("takes space", () => files.copyNew(from, to, mode)),
    cloneNew: (from, to, mode) => attempt("changes", () => files.cloneNew(from, to, mode)),
    syncFile: (path) => attempt("changes", () => files.syncFile(path)),
    makeDirectory: (path, mode) => attempt("takes space", () => files.makeDirectory(path, mode)),
    rename: (from, to) => attempt("takes space", () => files.rename(from, to)),
    link: (from, to) => attempt("takes space", () => files.link(from, to)),
    unlink: (path) => attempt("changes", () => files.unlink(path)),
    removeDirectory: (path) => attempt("changes", () => files.removeDirectory(path)),
    touch: (path) => attempt("changes", () => files.touch(path)),
    chmod: (path, mode) => attempt("changes", () => files.chmod(path, mode)),
    syncDirectory: (path) => attempt("changes", () => files.syncDirectory(path)),
    freeBytes: (path) => attempt("none", () => files.freeBytes(path)),
    fileSystemType: (path) => attempt("none", () => files.fileSystemType(path)),
  };
}
