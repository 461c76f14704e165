import { afterAll } from "bun:test";
import type { Subprocess } from "bun";
import { IS_WHOLE } from "../process/whole.ts";
import { type CliOptions, type CliResult, runCli } from "./cli-process.ts";
import type { Asked } from "./cli-service-process.ts";

/** Uses `require.resolve` because `bun test --changed` follows it like an import. */
const SERVICE = require.resolve("./cli-service-process.ts");

/** Runs commands in one process, one after the other. */
export interface CliService {
  /** Fails if the process ends before the answer, or has already ended after an earlier answer. */
  ask(asked: Asked): Promise<CliResult>;
  /** Ends the process. Fails if the process has already ended by itself, or ends with a status that is not 0. */
  end(): Promise<void>;
}

interface Serving {
  readonly service: Subprocess;
  /** The caller that waits for an answer. */
  answer: ReturnType<typeof Promise.withResolvers<CliResult>> | null;
}

/** A service whose process starts with the first command. `preload` names a module that the process loads first. */
export function cliService(preload?: string): CliService {
  let serving: Serving | null = null;
  let before: Promise<unknown> = Promise.resolve();
  /** How the process ended, if it ended by itself. */
  let ended: Error | null = null;

  const serve = (): Serving => {
    const options = preload === undefined ? [] : ["--preload", preload];
    const service = Bun.spawn([process.execPath, ...options, SERVICE], {
      stdio: ["ignore", "ignore", "inherit"],
      ipc(answer: CliResult) {
        started.answer?.resolve(answer);
        started.answer = null;
      },
      onExit(_, code, signal) {
        if (serving !== started) return;
        ended = new Error(`the command line ended its process with ${code ?? signal}`);
        started.answer?.reject(ended);
        serving = null;
      },
    });
    service.unref();
    const started: Serving = { service, answer: null };
    return started;
  };

  const answerTo = (asked: Asked): Promise<CliResult> => {
    if (ended !== null) throw ended;
    serving ??= serve();
    serving.answer = Promise.withResolvers();
    const { promise } = serving.answer;
    serving.service.send(asked);
    return promise;
  };

  return {
    ask(asked) {
      const answered = before.then(() => answerTo(asked));
      before = answered.catch(() => undefined);
      return answered;
    },
    async end() {
      await before;
      const found = ended ?? (await endOf(serving));
      ended = null;
      if (found !== null) throw found;
    },
  };

  async function endOf(ending: Serving | null): Promise<Error | null> {
    if (ending === null) return null;
    serving = null;
    ending.service.ref();
    ending.service.disconnect();
    const code = await ending.service.exited;
    return code === 0 ? null : new Error(`after its answer, the command line ended its process with ${code}`);
  }
}

const service = cliService();

// If several test files share one run without `--isolate` or `--parallel`, this hook runs only after the first file.
afterAll(() => service.end());

/**
 * Runs the command line for a test of its output or of its changes to a store. One process runs all commands of a test
 * file, because a start takes ten times as long as most commands. Tests of the process itself (its end, signals,
 * streams, users, other runtimes) use {@link runCli}. `npm run test:whole` uses {@link runCli} for all tests.
 */
export function askCli(args: readonly string[], { env }: Pick<CliOptions, "env"> = {}): Promise<CliResult> {
  if (IS_WHOLE) return runCli(args, env ? { env } : {});
  return service.ask({ args, env: { PATH: process.env.PATH, HOME: "/nonexistent", ...env } });
}
