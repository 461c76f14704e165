/**
 * npm run test:quick -- [OPTION of bun test]…
 * Runs the tests that need only the npm packages and little time. They use no opencode, no other Node, no terminal and
 * no browser.
 */
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

const root = join(import.meta.dirname, "..");

/**
 * Tests that import one of these modules, directly or through other modules, download something or start another
 * program.
 */
const DOWNLOADS = [
  "test/host/binary.ts",
  "test/stores/node-release.ts",
  "test/package/packed.ts",
  "test/command-line/command-terminal.ts",
  "test/terminal/terminal-ui.ts",
  "test/web/browser.ts",
  "test/windows/wine.ts",
];

/** Tests that take too many seconds. docs/development.md lists the time of every test file. */
const LONG = [
  "test/crash/crash.test.ts",
  "test/fuzz/",
  "test/platform/odd-file-systems.test.ts",
  "test/rescue/histories",
];

const transpiler = new Bun.Transpiler({ loader: "ts" });
const known = new Map<string, readonly string[]>();

/** The modules of this repository that a module imports. Imports of types are left out. */
function importsOf(path: string): readonly string[] {
  const found = known.get(path);
  if (found !== undefined) return found;
  const imports = transpiler
    .scanImports(readFileSync(path, "utf8"))
    .map(({ path: name }) => name)
    .filter((name) => name.startsWith(".") && /\.tsx?$/.test(name))
    .map((name) => join(dirname(path), name));
  known.set(path, imports);
  return imports;
}

function reaches(path: string, targets: ReadonlySet<string>): boolean {
  const seen = new Set<string>();
  const visit = (each: string): boolean => {
    if (targets.has(each)) return true;
    if (seen.has(each)) return false;
    seen.add(each);
    return importsOf(each).some(visit);
  };
  return visit(path);
}

const targets = new Set(DOWNLOADS.map((name) => join(root, name)));
const files = [...new Bun.Glob("test/**/*.test.ts").scanSync(root)]
  .sort()
  .filter((name) => !LONG.some((each) => name.startsWith(each)) && !reaches(join(root, name), targets));
if (process.argv.includes("--list")) process.stdout.write(`${files.join("\n")}\n`);
else {
  const args = ["test", "--parallel=2", "--timeout", "900000", ...process.argv.slice(2)];
  const run = Bun.spawn([process.execPath, ...args, ...files.map((name) => `./${relative(root, join(root, name))}`)], {
    cwd: root,
    stdio: ["inherit", "inherit", "inherit"],
  });
  process.exitCode = await run.exited;
}
