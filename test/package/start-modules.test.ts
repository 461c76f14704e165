import { expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { builtPackage } from "./built.ts";
import { REPOSITORY } from "./packed.ts";

const MOST_MODULES = 75;
const MOST_FILES = 32;
const MOST_BYTES = 220_000;

/** opencode's terminal UI also waits until its half of the plugin is loaded. */
const MOST_TERMINAL_MODULES = 80;
const MOST_TERMINAL_FILES = 32;
const MOST_TERMINAL_BYTES = 125_000;

/** Modules that are loaded only when there is something to do, or only by another entry of the package. */
const LOADED_LATER =
  /^(command-line|dependencies|remedies|rescue|report|salvage|show)\/|^repair\/(repair|apply|plan)\.|^quarantine\/(manifest|vault)\./;

/** All modules that static imports load together with this module. Dynamic imports are left out. */
function loadedWith(entry: string): string[] {
  const transpiler = new Bun.Transpiler({ loader: "ts" });
  const found = new Set<string>();
  const visit = (path: string) => {
    if (found.has(path)) return;
    found.add(path);
    for (const { kind, path: name } of transpiler.scanImports(readFileSync(path, "utf8"))) {
      if (kind === "import-statement" && name.startsWith(".")) visit(join(dirname(path), name));
    }
  };
  visit(entry);
  return [...found];
}

test("opencode's start loads few modules, and none that only other doors need", async () => {
  const sources = join(REPOSITORY, "plugin");
  const loaded = loadedWith(join(sources, "opencode", "start.ts")).map((path) =>
    relative(sources, path).replaceAll("\\", "/"),
  );
  expect(loaded.filter((path) => LOADED_LATER.test(path))).toEqual([]);
  expect(loaded).toContain("opencode/start-schedule.ts");
  expect(loaded.length).toBeLessThanOrEqual(MOST_MODULES);
});

test("the published start is a few files, which Bun need not compile", async () => {
  const dist = await builtPackage();
  const entry = join(dist, "server.js");
  const start = new Bun.Transpiler({ loader: "js" })
    .scanImports(readFileSync(entry, "utf8"))
    .find(({ kind }) => kind === "dynamic-import");
  const loaded = loadedWith(join(dist, start?.path ?? "start is loaded on demand"));
  expect(loaded.length).toBeLessThanOrEqual(MOST_FILES);
  // The number of bytes limits the parsing work. `npm run bench -- --only import` measures the time for it.
  const bytes = [entry, ...loaded].map((path) => statSync(path).size);
  expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(MOST_BYTES);
  for (const path of [entry, ...loaded]) expect(readFileSync(path, "utf8")).toStartWith("// @bun\n");
});

test("the terminal UI's start loads no dialog, no repair and no quarantine", async () => {
  const sources = join(REPOSITORY, "plugin");
  const loaded = loadedWith(join(sources, "tui.ts")).map((path) => relative(sources, path).replaceAll("\\", "/"));
  const later =
    /(dialogs|hidden-dialog|dialogs-with-commands|left-session|typed-request)\.ts$|^quarantine\/(?!run-id\.)|^repair\/(?!validated\.)/;
  expect(loaded.filter((path) => LOADED_LATER.test(path) || later.test(path))).toEqual([]);
  expect(loaded).toContain("opencode/terminal-ui/session-guard.ts");
  expect(loaded.length).toBeLessThanOrEqual(MOST_TERMINAL_MODULES);
  const published = loadedWith(join(await builtPackage(), "tui.js"));
  expect(published.length).toBeLessThanOrEqual(MOST_TERMINAL_FILES);
  expect(published.reduce((sum, path) => sum + statSync(path).size, 0)).toBeLessThanOrEqual(MOST_TERMINAL_BYTES);
});

test("what Bun need not compile is ASCII: it would take anything else for other letters", async () => {
  const dist = await builtPackage();
  const compiled = readdirSync(dist, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".js"))
    .map((name) => ({ name, code: readFileSync(join(dist, name)) }))
    .filter(({ code }) => code.toString("latin1").startsWith("// @bun\n"));
  expect(compiled.length).toBeGreaterThan(20);
  expect(compiled.filter(({ code }) => code.some((byte) => byte > 0x7f)).map(({ name }) => name)).toEqual([]);
});
