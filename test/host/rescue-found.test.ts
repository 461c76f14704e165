import { afterAll, expect, test } from "bun:test";
import { renameSync } from "node:fs";
import { join } from "node:path";
import { askCli } from "../command-line/cli-service.ts";
import { World } from "../rescue/world.ts";
import { removeHomes } from "./home.ts";
import { openDatabase } from "./record-place.ts";
import { storeImage } from "./store-image.ts";

afterAll(async () => {
  await World.endShared();
  await removeHomes();
});

interface Answer {
  readonly code: number;
  readonly runID: string | null;
  readonly hidden: readonly { readonly sessionID: string; readonly reason: string }[];
}

async function rescue(world: World, ...args: readonly string[]): Promise<Answer> {
  const { code, stdout } = await askCli(["rescue", ...args, "--json", "--data-dir", world.home.dataDir]);
  return { code, ...JSON.parse(stdout) };
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
  expect(listed.hidden[0]?.reason).toBe("The session's folder is a path of Windows.");
  const before = await storeImage(world.home.dataDir);
  const done = await rescue(world, "--relink", "--from", from, "--to", folder, "--yes");
  expect([done.code, done.hidden]).toEqual([0, []]);
  expect((await askCli(["restore", done.runID ?? "", "--yes", "--data-dir", world.home.dataDir])).code).toBe(0);
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
    ["/nowhere", folder, "No session was used in the folder of --from."],
    [folder, folder, "In the folder of --to, opencode already shows every session of the folder of --from."],
    [folder, "/nowhere", "The folder of --to does not exist."],
    ["app", folder, "--from and --to take absolute folders"],
  ] as const) {
    const args = ["rescue", "--relink", "--from", from, "--to", to, "--data-dir", world.home.dataDir];
    const refused = await askCli(args);
    expect([refused.code, refused.stdout]).toEqual([2, ""]);
    expect(refused.stderr).toContain(words);
  }
});

/** The ids of the sessions that the web UI of opencode lists in this folder. */
async function listed(world: World, folder: string): Promise<string[]> {
  return [...(await world.lists(folder)).web];
}

test.each([
  ["a git project", true],
  ["a folder without git", false],
] as const)("%s that was moved: opencode lists its sessions again after rescue --relink", async (_, isGit) => {
  const world = await World.emptied();
  const { dataDir } = world.home;
  const project = isGit ? world.repository("project") : world.folder("project");
  const { id } = await world.session(project, "made before the move");
  const moved = world.at("moved");
  renameSync(project, moved);
  expect(await listed(world, moved)).toEqual([]);

  // opencode recognises a git project in its new folder. For any other folder, the user must name the old and the new
  // path.
  const where = isGit ? [] : ["--from", project, "--to", moved];
  const relink = ["rescue", "--relink", ...where, "--json", "--data-dir", dataDir];
  const done = JSON.parse((await askCli([...relink, "--yes"])).stdout);
  expect(done.hidden).toEqual([]);
  expect(await listed(world, moved)).toEqual([id]);
  if (!isGit) {
    expect((await askCli(["restore", done.runID, "--yes", "--data-dir", dataDir])).code).toBe(0);
    expect(await listed(world, moved)).toEqual([]);
  }
});
