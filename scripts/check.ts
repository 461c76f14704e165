/**
 * npm run check: runs all tools that check the sources at the same time. The output of each tool is printed in one
 * piece.
 */
import { join } from "node:path";

const root = join(import.meta.dirname, "..");

const CHECKS: readonly (readonly string[])[] = [
  ["tsc", "--noEmit"],
  ["textlint", "--config", "lint/textlint.cjs", "*.md", ".github/**/*.yml", "package.json", "docs/*.md"].concat(
    "{plugin,scripts,test}/**/*.ts",
  ),
  ["biome", "check", "."],
  ["depcruise", "--output-type", "err", "plugin"],
];

const failed = await Promise.all(
  CHECKS.map(async ([program = "", ...args]) => {
    const binary = join(root, "node_modules", ".bin", process.platform === "win32" ? `${program}.cmd` : program);
    const run = Bun.spawn([binary, ...args], { cwd: root, stdout: "pipe", stderr: "pipe" });
    const said = await Promise.all([new Response(run.stdout).text(), new Response(run.stderr).text()]);
    process.stdout.write(`== ${program}\n${said.join("")}`);
    return (await run.exited) === 0 ? [] : [program];
  }),
);
if (failed.flat().length > 0) {
  process.stdout.write(`\nnpm run check failed: ${failed.flat().join(", ")}\n`);
  process.exitCode = 1;
}
