import { afterAll } from "bun:test";
import type { Subprocess } from "bun";
import { IS_WHOLE } from "../process/whole.ts";
import { type CliOptions, type CliResult, runCli } from "./cli-process.ts";
import type { Asked } from "./cli-service-process.ts";

/** Resolved rather than joined: `bun test --changed` follows it as it follows an import. */
const SERVICE = require.resolve("./cli-service-process.ts");

/** Runs commands in one process, one after the other. */
export interface CliService {
  /** Fails if the process ends before the answer, or has ended after an earlier one. */
  ask(asked: Asked): Promise<CliResult>;
  /** Ends the process, and fails if it had ended before, or ends with a status that is not 0. */
  end(): Promise<void>;
}

interface Serving {
  readonly service: Subprocess;
  /** Who waits for an answer. */
  answer: ReturnType<typeof Promise.withResolvers<CliResult>> | null;
}

/** A service whose process starts with the first command. `preload`: a module that the process loads first. */
export function cliService(preload?: string): CliService {
  let serving: Serving | null = null;
  let before: Promise<unknown> = Promise.resolve();
  /** How the process ended, if it was not told to. */
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

// Where several files share one run without `--isolate` or `--parallel`, this follows the first of them only.
afterAll(() => service.end());

/**
 * Runs the command line, for a test of what it says and does to a store. One process runs all commands of a test file: a start
 * costs ten times what most commands do. What is about the process itself (that it ends, signals, streams, other runtimes,
 * users) takes {@link runCli}, and `npm run test:whole` takes it for everything.
 */
export function askCli(args: readonly string[], { env }: Pick<CliOptions, "env"> = {}): Promise<CliResult> {
  if (IS_WHOLE) return runCli(args, env ? { env } : {});
  return service.ask({ args, env: { PATH: process.env.PATH, HOME: "/nonexistent", ...env } });
}
