import { spawnSync } from "node:child_process";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { damageWhileIdle } from "./bench/damage.ts";
import { answersWith, emptyPlugin, firstAnswer } from "./bench/first-answer.ts";
import { heldScreen } from "./bench/held-screen.ts";
import { measureHuge } from "./bench/huge.ts";
import { hugeStore } from "./bench/huge-store.ts";
import { forget, homeOf, type KeptStore, keptStore } from "./bench/kept-store.ts";
import { alternating, type Command, isInstalled, type Medians } from "./bench/measure.ts";
import { idleCpu, turnDuringCheck } from "./bench/running.ts";
import { becomeKnown, twoStarts } from "./bench/second-start.ts";
import { median } from "./bench/statistics.ts";
import { streamedTurn } from "./bench/streamed-turn.ts";

const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");
const scripts = join(import.meta.dirname, "bench");
const JSON_HOST = "1.1.65";
const SQLITE_HOST = "1.18.33";
const CONCURRENCY = 16;

const { values } = parseArgs({
  options: {
    only: { type: "string", multiple: true },
    host: { type: "string", multiple: true, default: ["1.1.65", "1.18.33"] },
    start: { type: "string", multiple: true, default: ["first", "second"] },
    sessions: { type: "string", default: "1000" },
    parts: { type: "string", default: "200000" },
    factor: { type: "string", default: "5" },
    runs: { type: "string", default: "5" },
    seed: { type: "string", default: "1" },
    seconds: { type: "string", default: "60" },
    sqlite: { type: "string", default: "sqlite3" },
    python: { type: "string", default: "python3" },
    jq: { type: "string", default: "jq" },
    gigabytes: { type: "string", default: "1" },
    keep: { type: "boolean", default: false },
    before: { type: "string" },
  },
});
const runs = Number(values.runs);
const ours = pathToFileURL(join(dist, "server.js")).href;

/** The opencode versions that the option `--host` selects. */
function hosts() {
  return ([JSON_HOST, SQLITE_HOST] as const).filter((version) => values.host.includes(version));
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** A test store of the size that the options name. With `factor`, the store is larger by that factor. */
function store(version: typeof JSON_HOST | typeof SQLITE_HOST, factor = 1): Promise<KeptStore> {
  const size = { sessions: Number(values.sessions) * factor, parts: Number(values.parts) * factor };
  return keptStore(version, size, Number(values.seed));
}

function check(name: string, runtime: string, { dataDir }: KeptStore): Command {
  return { name, argv: [runtime, join(dist, "cli.js"), "check", "--json", "--quiet", "--data-dir", dataDir] };
}

/** Prints the median time of each command, and its ratio to the time of the first command. */
function sayCompared(measured: ReadonlyMap<string, Medians>): void {
  const [first] = measured.values();
  for (const [name, { milliseconds, peakMB }] of measured) {
    const ratio = first === undefined ? "" : `check / this: ${(first.milliseconds / milliseconds).toFixed(2)}`;
    say(
      `  ${name.padEnd(44)} ${milliseconds.toFixed(0).padStart(7)} ms ${peakMB.toFixed(0).padStart(5)} MB   ${ratio}`,
    );
  }
}

async function compare(commands: readonly Command[]): Promise<void> {
  const present: Command[] = [];
  for (const command of commands) {
    if (await isInstalled(command.needs ?? command.argv[0])) present.push(command);
    else say(`  ${command.name}: not installed`);
  }
  sayCompared(await alternating(present, runs));
}

/** Measures how long the import of each entry of the package takes, in a fresh process. */
async function importTimes(): Promise<void> {
  for (const entry of ["server", "tui", "cli", "api"]) {
    const url = pathToFileURL(join(dist, `${entry}.js`)).href;
    // The import runs the command line. With `--version` the command line does almost nothing.
    const code = `const started = performance.now(); await import("${url}"); console.error(performance.now() - started)`;
    const times = Array.from({ length: 15 }, () => {
      const { stderr } = spawnSync("bun", ["-e", code, "--", "--version"], { encoding: "utf8" });
      return Number(stderr.trim());
    });
    say(`  ${entry}: ${median(times).toFixed(1)} ms`);
  }
}

async function footprint(): Promise<void> {
  const { stdout } = spawnSync("npm", ["pack", "--dry-run", "--json"], { cwd: root, encoding: "utf8" });
  const [packed] = JSON.parse(stdout.slice(stdout.indexOf("["))) as { size: number; unpackedSize: number }[];
  say(`  packed ${packed?.size} bytes, unpacked ${packed?.unpackedSize}`);
  const listed = spawnSync("npm", ["ls", "--omit=dev", "--all", "--parseable"], { cwd: root, encoding: "utf8" });
  const dependencies = listed.stdout.trim().split("\n").slice(1);
  const bytes = dependencies.map((path) =>
    Number(spawnSync("du", ["-sb", path], { encoding: "utf8" }).stdout.split("\t")[0]),
  );
  say(`  ${dependencies.length} run-time dependencies, ${bytes.reduce((sum, size) => sum + size, 0)} bytes`);
}

async function answers(version: typeof JSON_HOST | typeof SQLITE_HOST, factor: number): Promise<void> {
  const kept = await store(version, factor);
  const home = await homeOf(kept);
  try {
    for (const start of values.start) {
      if (start === "second") await becomeKnown(kept);
      const before = () => (start === "first" ? forget(kept) : Promise.resolve());
      const { without, withPlugin, later } = await firstAnswer(home, ours, "/session", Math.max(runs, 15), before);
      say(
        `  ${version}, ${factor}x, ${start} start: ${without.toFixed(0)} ms, with the plugin ${withPlugin.toFixed(0)} ms: ` +
          `${(withPlugin - without).toFixed(1)} ms later (median of pairs ${later.toFixed(1)})`,
      );
    }
  } finally {
    await home.remove();
    await forget(kept);
  }
}

/** Compares a database of several gigabytes with the usual store of 200,000 parts. */
async function huge(): Promise<void> {
  const large = await hugeStore(Number(values.gigabytes), Number(values.seed));
  try {
    const small = await store(SQLITE_HOST);
    say(`  ${(large.bytes / 1e9).toFixed(2)} GB`);
    await compare([
      check("check", "bun", large),
      { name: "sqlite3 quick_check", argv: [values.sqlite, large.content, "pragma quick_check"] },
    ]);
    const tool = ["bun", join(dist, "cli.js")] as const;
    await measureHuge({ small, large, tool, ours, runs, say });
  } finally {
    if (!values.keep) await large.remove();
  }
}

const MEASUREMENTS: Readonly<Record<string, () => Promise<void>>> = {
  "check-json": async () => {
    const kept = await store(JSON_HOST);
    const bare = join(scripts, "bare-loop.mjs");
    for (const runtime of ["bun", "node"]) {
      say(` in ${runtime}`);
      await compare([
        check("check", runtime, kept),
        { name: "bare loop, same runtime and concurrency", argv: [runtime, bare, kept.content, String(CONCURRENCY)] },
        { name: "Python json.load", argv: [values.python, join(scripts, "python-loop.py"), kept.content] },
        {
          name: "jq empty",
          needs: values.jq,
          argv: ["sh", "-c", `find "$1" -name '*.json' -print0 | xargs -0 ${values.jq} empty`, "sh", kept.content],
        },
      ]);
    }
  },
  "check-sqlite": async () => {
    const kept = await store(SQLITE_HOST);
    const valid = "select count(*) from part where json_valid(data)=0";
    await compare([
      check("check", "bun", kept),
      { name: "sqlite3 json_valid", argv: [values.sqlite, kept.content, valid] },
      { name: "sqlite3 quick_check", argv: [values.sqlite, kept.content, "pragma quick_check"] },
      check("check, started with node", "node", kept),
    ]);
  },
  growth: async () => {
    for (const version of hosts()) {
      const [small, large] = [await store(version), await store(version, Number(values.factor))];
      const measured = await alternating([check("small", "bun", small), check("large", "bun", large)], runs);
      const [less, more] = [measured.get("small"), measured.get("large")];
      if (less === undefined || more === undefined) continue;
      say(
        `  ${version}: ${less.milliseconds.toFixed(0)} to ${more.milliseconds.toFixed(0)} ms ` +
          `(${(more.milliseconds / less.milliseconds).toFixed(2)}x), ${less.peakMB.toFixed(0)} to ` +
          `${more.peakMB.toFixed(0)} MB (${(more.peakMB / less.peakMB).toFixed(2)}x)`,
      );
    }
  },
  "second-start": async () => {
    for (const version of hosts()) {
      const { first, second } = await twoStarts(await store(version), runs);
      say(
        `  ${version}: first ${first.toFixed(1)} ms, second ${second.toFixed(1)} ms ` +
          `(${((100 * second) / first).toFixed(2)} %)`,
      );
    }
  },
  "first-answer": async () => {
    for (const version of hosts()) await answers(version, 1);
  },
  "first-answer-large": async () => {
    for (const version of hosts()) await answers(version, Number(values.factor));
  },
  idle: async () => {
    const seconds = Number(values.seconds);
    for (const version of hosts()) {
      const { without, withPlugin } = await idleCpu(await store(version), ours, seconds);
      say(
        `  ${version}: ${withPlugin.toFixed(2)} s of CPU in ${seconds} s, with an empty plugin ${without.toFixed(2)} s: ` +
          `${((100 * (withPlugin - without)) / seconds).toFixed(2)} % of a core`,
      );
    }
  },
  damage: async () => {
    for (const version of hosts()) {
      const taken = await damageWhileIdle(await store(version), ours, Math.max(runs, 10), Number(values.seed));
      say(`  ${version}: repaired after ${median(taken).toFixed(0)} ms, at most ${Math.max(...taken).toFixed(0)} ms`);
    }
  },
  turn: async () => {
    for (const version of hosts()) {
      const { without, withPlugin } = await turnDuringCheck(await store(version), ours, runs);
      say(
        `  ${version}: ${without.toFixed(0)} ms, during the background check ${withPlugin.toFixed(0)} ms ` +
          `(${((100 * withPlugin) / without - 100).toFixed(1)} % slower)`,
      );
    }
  },
  "atomic-writes": async () => {
    const { without, withAtomic } = await streamedTurn(JSON_HOST, dist, runs);
    if (without === undefined || withAtomic === undefined) return;
    say(`  a streamed turn ${without.toFixed(0)} ms, with atomicWrites ${withAtomic.toFixed(0)} ms`);
  },
  opening: async () => {
    const { without, withHalf } = await heldScreen(dist, Math.max(runs, 7));
    const more = (of: "wall" | "work") => (withHalf[of] - without[of]).toFixed(1);
    say(`  opening 5,000 parts holds the screen ${more("wall")} ms longer, of work ${more("work")} ms`);
  },
  import: importTimes,
  footprint,
};

/**
 * Compares this build with the build of another commit, whose `dist` folder is named with `--before`. Both are measured
 * in turn, so that changes in the machine's load affect both.
 */
async function against(): Promise<void> {
  if (values.before === undefined) throw new Error("--before FOLDER names the other build");
  const other = resolve(values.before);
  for (const version of hosts()) {
    const kept = await store(version);
    const home = await homeOf(kept);
    try {
      const plugins = [await emptyPlugin(home), pathToFileURL(join(other, "server.js")).href, ours];
      for (const start of values.start) {
        if (start === "second") await becomeKnown(kept);
        const before = () => (start === "first" ? forget(kept) : Promise.resolve());
        const times = await answersWith(home, plugins, "/session", Math.max(runs, 15), before);
        const [empty = 0, old = 0, now = 0] = times.map(median);
        say(
          `  ${version}, first answer, ${start} start: empty plugin ${empty.toFixed(0)} ms, before ${old.toFixed(0)} ms, ` +
            `now ${now.toFixed(0)} ms (now / before: ${(now / old).toFixed(3)})`,
        );
      }
    } finally {
      await home.remove();
      await forget(kept);
    }
    for (const runtime of ["bun", "node"]) {
      say(` check of ${version} in ${runtime}`);
      const [program, , ...words] = check("before", runtime, kept).argv;
      await compare([
        check("now", runtime, kept),
        { name: "before", argv: [program, join(other, "cli.js"), ...words] },
      ]);
    }
  }
}

/** These measurements take minutes and gigabytes, or need another build. They run only if `--only` names them. */
const ASKED_FOR: typeof MEASUREMENTS = { huge, against };

const wanted = values.only ?? Object.keys(MEASUREMENTS);
for (const name of wanted) {
  const measure = MEASUREMENTS[name] ?? ASKED_FOR[name];
  if (measure === undefined) {
    process.stderr.write(
      `There is no measurement "${name}"; there are ${Object.keys({ ...MEASUREMENTS, ...ASKED_FOR }).join(", ")}.\n`,
    );
    process.exit(2);
  }
  say(name);
  await measure();
}
