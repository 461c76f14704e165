import type { Subprocess } from "bun";
import { IS_WHOLE } from "../process/whole.ts";
import { type CliOptions, type CliResult, runCli } from "./cli-process.ts";
import type { Asked } from "./cli-service-process.ts";

/** Resolved rather than joined: `bun test --changed` follows it as it follows an import. */
const SERVICE = require.resolve("./cli-service-process.ts");

type Answer = ReturnType<typeof Promise.withResolvers<CliResult>>;

/** The one that serves this process, and whoever waits for its answer. */
let serving: { readonly service: Subprocess; answer: Answer } | null = null;

/** Commands that were asked for before: one is run after the other. */
let before: Promise<unknown> = Promise.resolve();

/**
 * Runs the command line, for a test of what it says and does to a store. One process runs all commands of a test file: a start
 * costs ten times what most commands do. What is about the process itself (signals, streams, other runtimes, users) takes
 * {@link runCli}, and `npm run test:whole` takes it for everything.
 */
export function askCli(args: readonly string[], { env }: Pick<CliOptions, "env"> = {}): Promise<CliResult> {
  if (IS_WHOLE) return runCli(args, env ? { env } : {});
  const answered = before.then(() => answerTo({ args, env: { PATH: process.env.PATH, HOME: "/nonexistent", ...env } }));
  before = answered.catch(() => undefined);
  return answered;
}

function answerTo(asked: Asked): Promise<CliResult> {
  serving ??= { service: serve(), answer: Promise.withResolvers() };
  serving.answer = Promise.withResolvers();
  serving.service.send(asked);
  return serving.answer.promise;
}

function serve(): Subprocess {
  const service = Bun.spawn([process.execPath, SERVICE], {
    stdio: ["ignore", "ignore", "inherit"],
    ipc: (answer: CliResult) => serving?.answer.resolve(answer),
    onExit(_, code) {
      serving?.answer.reject(new Error(`the command line ended its process with ${code}`));
      serving = null;
    },
  });
  service.unref();
  return service;
}
