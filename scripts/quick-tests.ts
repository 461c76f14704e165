/**
 * npm run test:quick -- [OPTION of bun test]…
 * The tests that need nothing but the npm packages and little time: no opencode, no other Node, no terminal, no browser.
 */
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

const root = join(import.meta.dirname, "..");

/** A test that imports one of these, directly or by others, fetches something or drives another program. */
const DOWNLOADS = [
  "test/host/binary.ts",
  "test/stores/node-release.ts",
  "test/package/packed.ts",
  "test/command-line/command-terminal.ts",
  "test/terminal/terminal-ui.ts",
  "test/web/browser.ts",
  "test/windows/wine.ts",
];

/** Seconds of work that one file may cost: docs/development.md has those of all. */
const LONG = [
  "test/crash/crash.test.ts",
  "test/fuzz/",
  "test/platform/odd-file-systems.test.ts",
  "test/rescue/histories",
];

const transpiler = new Bun.Transpiler({ loader: "ts" });
const known = new Map<string, readonly string[]>();

/** Modules of this repository that a module imports, those with nothing but types apart. */
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
