import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { nodeFileSystem } from "../../plugin/api.ts";
import { parseWithComments } from "../../plugin/configuration/config-file.ts";
import { findOptions } from "../../plugin/configuration/options.ts";
import { type Belonging, belongingOf } from "../../plugin/configuration/package-entry.ts";
import { terminalSettings } from "../../plugin/opencode/terminal-ui/terminal-options.ts";

let root: string;

/** Makes a git clone of this plugin in a folder with another name, another plugin, and files of the user. */
beforeAll(async () => {
  root = await mkdtemp(join(await realpath(tmpdir()), "package-entry-"));
  await mkdir(join(root, "clone", "dist"), { recursive: true });
  await writeFile(join(root, "clone", "package.json"), '{"name":"opencode-session-repair"}');
  await writeFile(join(root, "clone", "dist", "server.js"), "");
  await mkdir(join(root, "opencode-session-repair-like"));
  await writeFile(join(root, "opencode-session-repair-like", "package.json"), '{"name":"something-else"}');
  await writeFile(join(root, "opencode-session-repair-like", "index.js"), "");
  await writeFile(join(root, "own.js"), "export default async () => ({});");
  await writeFile(join(root, "wrapper.js"), 'export { default } from "opencode-session-repair";');
  await writeFile(join(root, "archive.tgz"), "");
  await symlink(join(root, "clone"), join(root, "link"));
});

afterAll(() => rm(root, { recursive: true, force: true }));

describe("which entry of a plugin array is this package", () => {
  test.each<[string, Belonging]>([
    ["opencode-session-repair", "this package"],
    ["opencode-session-repair@0.1.0", "this package"],
    ["mine@npm:opencode-session-repair@0.1.0", "this package"],
    ["./clone", "this package"],
    ["./clone/dist/server.js", "this package"],
    ["../ROOT/clone/dist/server.js", "this package"],
    ["/ROOT/link/dist/server.js", "this package"],
    ["file:///ROOT/clone", "this package"],
    ["file:./link", "this package"],
    ["mine@file:./clone", "this package"],
    ["opencode-session-repair-like", "another"],
    ["@someone/opencode-session-repair", "another"],
    ["./opencode-session-repair-like/index.js", "another"],
    ["./own.js", "another"],
    ["./not-there.js", "another"],
    ["./wrapper.js", "unknown"],
    ["./archive.tgz", "unknown"],
    ["github:someone/opencode-session-repair", "unknown"],
    ["git+https://example.org/x.git", "unknown"],
  ])("%s: %s", async (spec, expected) => {
    const named = spec
      .replace("file:///ROOT", pathToFileURL(root).href)
      .replace("../ROOT", `../${basename(root)}`)
      .replace("/ROOT", root);
    expect(await belongingOf(nodeFileSystem, named, [root])).toBe(expected);
  });
});

describe("the terminal half gets the options that the server half was given", () => {
  const REPAIR = { preload: "repair" };
  const CHECK = { preload: "check" };
  test.each<[string, unknown, readonly unknown[], string, boolean]>([
    ["a clone by its path", undefined, [["./clone/dist/server.js", CHECK]], "check", false],
    ["a link", undefined, ["other", ["/ROOT/link", CHECK]], "check", false],
    ["by name", undefined, [["opencode-session-repair@0.1.0", { preload: "off" }]], "off", false],
    ["options of tui.json come first", { preload: "off" }, [["./clone", CHECK]], "off", false],
    [
      "another plugin's are not ours",
      undefined,
      [["./opencode-session-repair-like", CHECK], "./clone"],
      "repair",
      false,
    ],
    ["no entry has options", undefined, ["./clone"], "repair", false],
    [
      "listed twice, with the same",
      undefined,
      [
        ["./clone", REPAIR],
        ["./link", REPAIR],
      ],
      "repair",
      false,
    ],
    [
      "listed twice, with others",
      undefined,
      [
        ["./clone", REPAIR],
        ["./link", CHECK],
      ],
      "check",
      true,
    ],
    ["it cannot be told", undefined, [["git+https://example.org/x.git", REPAIR]], "check", true],
    ["wrong options", undefined, [["./clone", { preload: "repiar" }]], "check", true],
  ])("%s", async (_name, given, plugin, preload, warns) => {
    const entries = JSON.parse(JSON.stringify(plugin).replaceAll("/ROOT", root)) as unknown[];
    const path = { config: root, directory: "", worktree: "", state: "", home: "" };
    const api = { state: { ready: true, config: { plugin: entries }, path } } as unknown as Parameters<
      typeof terminalSettings
    >[0];
    const { settings, warnings } = await terminalSettings(api, given, undefined);
    expect(settings.preload).toBe(preload as typeof settings.preload);
    expect(warnings.length > 0).toBe(warns);
  });
});

describe("configuration files", () => {
  test("comments and last commas are no part of what is said", () => {
    const text = '// one\n{ "plugin": ["a//b", /* "c", */ "d",], "e": ",]" , }';
    expect(parseWithComments(text)).toEqual({ plugin: ["a//b", "d"], e: ",]" });
  });

  test("session-repair.json may be a link; one that leads nowhere is no reason to take the defaults", async () => {
    const folder = join(root, "config");
    await mkdir(join(folder, "opencode"), { recursive: true });
    await writeFile(join(root, "dotfile.json"), '{"preload":"check"}');
    await symlink(join(root, "dotfile.json"), join(folder, "opencode", "session-repair.json"));
    expect(await findOptions(undefined, nodeFileSystem, { XDG_CONFIG_HOME: folder })).toEqual({ preload: "check" });
    await rm(join(root, "dotfile.json"));
    expect(await findOptions(undefined, nodeFileSystem, { XDG_CONFIG_HOME: folder })).toBe("unreadable");
  });
});
