import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { cacheDirectory } from "../test/host/cache.ts";

/**
 * Runs test files one after the other, each in its own process, and prints the time of each file. The CPU time includes
 * all child processes. Usage: `npm run test:times [FILE]…`. Without file names, all test files run.
 */
const root = join(import.meta.dirname, "..");
const wanted = process.argv.slice(2);
const files = wanted.length > 0 ? wanted : [...new Bun.Glob("test/**/*.test.ts").scanSync(root)].sort();
const reports = cacheDirectory("test-times");
await mkdir(reports, { recursive: true });

process.stdout.write("| file | tests | CPU s | wall s |\n| --- | ---: | ---: | ---: |\n");
let isGreen = true;
for (const file of files) {
  const report = join(reports, `${file.replaceAll("/", "-")}.xml`);
  const arguments_ = ["test", "--timeout", "900000", "--reporter=junit", `--reporter-outfile=${report}`, `./${file}`];
  const started = performance.now();
  const run = Bun.spawn([process.execPath, ...arguments_], { cwd: root, stdout: "ignore", stderr: "ignore" });
  const code = await run.exited;
  const wall = (performance.now() - started) / 1000;
  const cpu = Number(run.resourceUsage()?.cpuTime.total ?? 0) / 1e6;
  const tests = /tests="(\d+)"/.exec(await readFile(report, "utf8").catch(() => ""))?.[1] ?? "?";
  isGreen &&= code === 0;
  process.stdout.write(
    `| ${file} | ${tests} | ${cpu.toFixed(1)} | ${wall.toFixed(1)} |${code === 0 ? "" : ` failed: ${code}`}\n`,
  );
}
process.exitCode = isGreen ? 0 : 1;
