import { afterAll, expect, test } from "bun:test";
import { renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { runCli } from "../command-line/cli-process.ts";
import { type MadeSession, World } from "../rescue/world.ts";
import { removeHomes } from "./home.ts";
import { openDatabase } from "./record-place.ts";
import { storeImage } from "./store-image.ts";

afterAll(async () => {
  await World.endShared();
  await removeHomes();
});

/** What is left behind, and what brings it back. */
interface Situation {
  /** Sessions that no list holds, and the folder that is to list them. */
  readonly lost: readonly MadeSession[];
  readonly folder: string;
  /** What the user adds to `rescue --relink`. */
  readonly say: readonly string[];
}

const SITUATIONS: Readonly<Record<string, (world: World) => Promise<Situation>>> = {
  "a repository whose .git was deleted": async (world) => {
    const folder = world.repository("app");
    const lost = [await world.session(folder), await world.session(folder)];
    rmSync(join(folder, ".git"), { recursive: true });
    return { lost, folder, say: [] };
  },
  "a folder that is inside a repository now": async (world) => {
    const folder = world.folder("app", "api");
    const lost = [await world.session(folder)];
    world.repository("app");
    return { lost, folder, say: [] };
  },
  "a repository that began again, before opencode was started in it": async (world) => {
    const folder = world.repository("app");
    const lost = [await world.session(folder)];
    rmSync(join(folder, ".git"), { recursive: true });
    world.repository("app");
    return { lost, folder, say: [] };
  },
  "a project that no record names": async (world) => {
    const folder = world.repository("app");
    const lost = [await world.session(folder)];
    using database = openDatabase(world.home);
    database.run("pragma foreign_keys = off");
    database.run("update session set project_id = 'nobody' where id = ?", [lost[0]?.id ?? ""]);
    return { lost, folder, say: [] };
  },
  "a folder without git that got another name": async (world) => {
    const old = world.folder("notes");
    const lost = [await world.session(old), await world.session(world.folder("notes", "below"))];
    const folder = world.at("diary");
    renameSync(old, folder);
    return { lost: lost.slice(0, 1), folder, say: ["--from", `${old}/`, "--to", `${folder}/`] };
  },
};

interface Answer {
  readonly code: number;
  readonly runID: string | null;
  readonly hidden: readonly { readonly sessionID: string; readonly reason: string }[];
}

async function rescue(world: World, ...args: readonly string[]): Promise<Answer> {
  const { code, stdout } = await runCli(["rescue", ...args, "--json", "--data-dir", world.home.dataDir]);
  return { code, ...JSON.parse(stdout) };
}

describeOn("1.18.33", Object.keys(SITUATIONS));
describeOn("1.14.41", ["a repository whose .git was deleted", "a folder that is inside a repository now"]);

function describeOn(version: "1.18.33" | "1.14.41", names: readonly string[]): void {
  test.each(names)(
    `${version}, %s: in no list, found with the reason, listed after one command, again nothing, undo exact`,
    async (name) => {
      const world = await World.emptied(version);
      const { lost, folder, say } = await (SITUATIONS[name] ?? missing)(world);
      const ids = lost.map(({ id }) => id).sort();
      const listed = await rescue(world, "--dry-run");
      const found = new Map(listed.hidden.map((each) => [each.sessionID, each]));
      for (const id of ids) expect(found.get(id)?.reason).toMatch(/^Its folder /);
      const text = await runCli(["rescue", "--data-dir", world.home.dataDir]);
      expect(text.stdout).not.toContain("Nothing is hidden");
      expect(text.stdout).toContain("opencode-session-repair rescue --relink");
      const before = await storeImage(world.home.dataDir);
      const done = await rescue(world, "--relink", ...say, "--yes");
      expect([done.code, done.hidden]).toEqual([0, []]);
      expect((await rescue(world, "--relink", "--yes")).runID).toBeNull();
      expect((await runCli(["restore", done.runID ?? "", "--yes", "--data-dir", world.home.dataDir])).code).toBe(0);
      expect(await storeImage(world.home.dataDir)).toEqual(before);
      // Asked only now: what a start changes in the database would not be undone.
      const lists = await world.lists(folder);
      for (const id of ids) expect([...lists.web, ...lists.terminal]).not.toContain(id);
      await rescue(world, "--relink", ...say, "--yes");
      const now = await world.lists(folder);
      for (const id of ids) expect([...now.web]).toContain(id);
      for (const id of ids) expect([...now.terminal]).toContain(id);
    },
  );
}

function missing(): never {
  throw new Error("there is no such situation");
}

test.each([
  ["with backslashes", "C:\\Users\\me\\app", "\\"],
  ["with slashes, as it is typed", "c:/users/ME/app/", "\\"],
] as const)("a database of Windows, its folder named %s: opencode lists and opens again", async (_, from, slash) => {
  const world = await World.emptied();
  const folder = world.repository("app");
  const made = [await world.session(folder), await world.session(world.folder("app", "below"))];
  {
    using database = openDatabase(world.home);
    const old = `C:${slash}Users${slash}me${slash}app`;
    database.run("update session set directory = ? where id = ?", [old, made[0]?.id ?? ""]);
    database.run("update session set directory = ? where id = ?", [`${old}${slash}below`, made[1]?.id ?? ""]);
    database.run("update project set worktree = 'C:/Users/me/app', sandboxes = ?", [
      JSON.stringify(["C:\\Users\\me\\app\\side"]),
    ]);
    database.run("update project_directory set directory = ?", [old]);
  }
  await expect(world.lists(folder)).rejects.toThrow();
  const listed = await rescue(world, "--dry-run");
  expect(listed.hidden.map(({ sessionID }) => sessionID).sort()).toEqual(made.map(({ id }) => id).sort());
  expect(listed.hidden[0]?.reason).toBe("Its folder is a path of Windows.");
  const before = await storeImage(world.home.dataDir);
  const done = await rescue(world, "--relink", "--from", from, "--to", folder, "--yes");
  expect([done.code, done.hidden]).toEqual([0, []]);
  expect((await runCli(["restore", done.runID ?? "", "--yes", "--data-dir", world.home.dataDir])).code).toBe(0);
  expect(await storeImage(world.home.dataDir)).toEqual(before);
  await rescue(world, "--relink", "--from", from, "--to", folder, "--yes");
  expect([...(await world.lists(folder)).web]).toEqual([made[0]?.id ?? ""]);
  expect([...(await world.lists(join(folder, "below"))).web]).toEqual([made[1]?.id ?? ""]);
  using database = openDatabase(world.home);
  expect(database.query("select worktree from project").all()).toEqual([{ worktree: folder }]);
});

test("--from that no session has, one that is shown there, --to that is not there: one sentence each", async () => {
  const world = await World.emptied();
  const folder = world.repository("app");
  await world.session(folder);
  for (const [from, to, words] of [
    ["/nowhere", folder, "No session was held in the folder of --from."],
    [folder, folder, "opencode shows every session of the folder of --from there already."],
    [folder, "/nowhere", "The folder of --to is not there."],
    ["app", folder, "--from and --to take absolute folders"],
  ] as const) {
    const args = ["rescue", "--relink", "--from", from, "--to", to, "--data-dir", world.home.dataDir];
    const refused = await runCli(args);
    expect([refused.code, refused.stdout]).toEqual([2, ""]);
    expect(refused.stderr).toContain(words);
  }
});
