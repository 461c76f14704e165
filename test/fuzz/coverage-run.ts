/**
 * npm run test:fuzz:coverage -- [--target NAME]… [--seconds N] [--seed N]
 * npm run test:fuzz:coverage -- --target NAME --replay FILE
 * Tests each target with bytes that libFuzzer (Jazzer.js) generates, guided by code coverage. Inputs that reached new
 * code are kept in `.cache/fuzz/NAME/corpus`. Inputs that showed a defect are kept in `.cache/fuzz/NAME`.
 */
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { cacheDirectory } from "../host/cache.ts";
import { scratchFolder } from "../stores/scratch.ts";
import { jazzer } from "./jazzer.ts";
import { realSeeds } from "./real-seeds.ts";
import { TARGETS, type Target } from "./targets.ts";

const { values } = parseArgs({
  options: {
    target: { type: "string", multiple: true },
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 1e9)) },
    replay: { type: "string" },
  },
});

const print = (text: string) => process.stdout.write(`${text}\n`);

/** The longest time that a case may take, in seconds. */
const LONGEST_CASE = 10;

async function main(): Promise<number> {
  const unknown = values.target?.find((name) => TARGETS.every((target) => target.name !== name));
  if (unknown !== undefined) {
    print(`There is no target "${unknown}". Targets: ${TARGETS.map(({ name }) => name).join(", ")}.`);
    return 2;
  }
  const targets = TARGETS.filter(({ name }) => values.target?.includes(name) ?? true);
  if (values.replay !== undefined) return replay(targets, values.replay);
  const command = await jazzer();
  let defects = 0;
  const summary: string[] = [];
  for (const target of targets) {
    const outcome = await fuzz(command, target);
    if (outcome.hasDefect) defects += 1;
    summary.push(outcome.line);
  }
  print(["", `seed ${values.seed}:`, ...summary].join("\n"));
  return defects === 0 ? 0 : 1;
}

async function replay([target, ...others]: readonly Target[], file: string): Promise<number> {
  if (target === undefined || others.length > 0) {
    print("--replay goes with one --target.");
    return 2;
  }
  await target.fuzz(readFileSync(file));
  print(`${target.name}: no defect`);
  return 0;
}

async function fuzz(command: readonly string[], target: Target): Promise<{ hasDefect: boolean; line: string }> {
  const { name, longest } = target;
  const folder = cacheDirectory(join("fuzz", name));
  const [corpus, seeds] = [join(folder, "corpus"), join(folder, "seeds")];
  rmSync(seeds, { recursive: true, force: true });
  for (const path of [corpus, seeds]) mkdirSync(path, { recursive: true });
  const given = [...(await target.seeds()), ...(await realSeeds(name))];
  for (const [index, bytes] of given.entries()) writeFileSync(join(seeds, String(index)), bytes);
  const engine = [`-max_total_time=${values.seconds}`, `-seed=${values.seed}`, `-max_len=${longest}`];
  engine.push(`-timeout=${LONGEST_CASE}`, "-rss_limit_mb=4096", `-artifact_prefix=${folder}/`);
  const built = await build(name, folder);
  const [program = "", ...first] = command;
  const modes = target.isAsync === true ? [] : ["--sync"];
  const scratch = scratchFolder();
  let [hasDefect, counted, reached, artifact] = [false, "", "", ""];
  try {
    const child = spawn(program, [...first, built, corpus, seeds, ...modes, "--", ...engine], {
      cwd: folder,
      env: { ...process.env, TMPDIR: scratch.path, FUZZ_TIMES: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
    const lines = [child.stdout, child.stderr].map(async (stream) => {
      for await (const line of createInterface({ input: stream })) {
        if (!/^#\d+\s+(NEW|REDUCE|pulse|RELOAD)/.test(line)) print(line);
        counted = /Done (\d+ runs in \d+ second)/.exec(line)?.[1] ?? counted;
        reached = /cov: (\d+ ft: \d+)/.exec(line)?.[1] ?? reached;
        artifact = /Test unit written to (.*)/.exec(line)?.[1] ?? artifact;
      }
    });
    const status = await ended;
    await Promise.all(lines);
    // If the run did not print its last line, it ended too early.
    hasDefect = status !== 0 || counted === "";
  } finally {
    scratch.remove();
  }
  const [edges = "", features = "0"] = reached.split(" ft: ");
  const line = `${name}: ${counted === "" ? "it did not say how it ended" : `${counted}s`}, ${edges || 0} edges, ${features} features, ${hasDefect ? "A DEFECT" : "no defect"}`;
  const again = `  npm run test:fuzz:coverage -- --target ${name} --replay ${artifact}`;
  return { hasDefect, line: artifact === "" ? line : `${line}\n${again}` };
}

/** Compiles a target to plain JavaScript, because Jazzer can measure the coverage only of JavaScript. */
async function build(name: string, folder: string): Promise<string> {
  const outdir = join(folder, "built");
  const { outputs } = await Bun.build({
    entrypoints: [join(import.meta.dirname, "targets", `${name}.ts`)],
    outdir,
    target: "node",
    format: "cjs",
    external: ["zod"],
    // Node finds the names of exports without running the file. With this line, Node finds the export `fuzz`.
    footer: "exports.fuzz = module.exports.fuzz;",
  });
  const [output] = outputs;
  if (output === undefined) throw new Error(`nothing was built of ${name}`);
  // Jazzer changes CommonJS files only, and package.json of this project says that its files are modules.
  writeFileSync(join(outdir, "package.json"), '{"type":"commonjs"}');
  return output.path;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (values.replay ? error.stack : error.message) : String(error)}\n`);
  process.exitCode = 1;
}
