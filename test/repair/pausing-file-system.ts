import type { FileSystem } from "../../plugin/platform/file-system.ts";

export interface PausingFiles {
  readonly files: FileSystem;
  /** Resolves just before the chosen operation starts. */
  readonly reached: Promise<void>;
  /** Lets the chosen operation and all later operations continue. */
  resume(): void;
  /** How many times the lock was requested. */
  lockAttempts(): number;
  /** The number of operations so far. */
  count(): number;
}

/** Wraps `files` so that the operation with the number `at` (counted from 1) waits for `resume`. */
export function pausingFiles(files: FileSystem, at: number): PausingFiles {
  let operations = 0;
  let attempts = 0;
  let reach: () => void = () => undefined;
  let resume: () => void = () => undefined;
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  const resumed = new Promise<void>((resolve) => {
    resume = resolve;
  });
  const paused = async (name: string, path: unknown): Promise<void> => {
    operations += 1;
    if (name === "writeNew" && String(path).includes("/.lock.new-")) attempts += 1;
    if (operations !== at) return;
    reach();
    await resumed;
  };
  const proxy = new Proxy(files, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== "function") return method;
      if (name === "readChunks") {
        return async function* pieces(path: string) {
          await paused(name, path);
          yield* target.readChunks(path);
        };
      }
      return async (...values: unknown[]) => {
        await paused(String(name), values[0]);
        return Reflect.apply(method, target, values) as unknown;
      };
    },
  });
  return { files: proxy, reached, resume, lockAttempts: () => attempts, count: () => operations };
}
