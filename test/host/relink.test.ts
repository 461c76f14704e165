import { afterAll, beforeAll, expect, test } from "bun:test";
import { renameSync } from "node:fs";
import { runCli } from "../command-line/cli-process.ts";
import { World } from "../rescue/world.ts";

let world: World;

beforeAll(async () => {
  world = await World.start("1.18.33");
});

afterAll(() => world.stop());

/** Ids of the sessions that an opencode started in this folder lists, of those made there. */
async function listed(folder: string): Promise<string[]> {
  return [...(await world.lists(folder)).web];
}

test.each([
  ["a git project", true],
  ["a folder without git", false],
] as const)("%s that was moved: opencode lists its sessions again after rescue --relink", async (_, isGit) => {
  world.enter(isGit ? "git" : "plain");
  const { dataDir } = world.home;
  const project = isGit ? world.repository("project") : world.folder("project");
  const { id } = await world.session(project, "made before the move");
  const moved = world.at("moved");
  renameSync(project, moved);
  expect(await listed(moved)).toEqual([]);

  // opencode knows a git project again in its new folder; of another the user says where it is.
  const where = isGit ? [] : ["--from", project, "--to", moved];
  const relink = ["rescue", "--relink", ...where, "--json", "--data-dir", dataDir];
  const done = JSON.parse((await runCli([...relink, "--yes"])).stdout);
  expect(done.hidden).toEqual([]);
  expect(await listed(moved)).toEqual([id]);
  if (!isGit) {
    expect((await runCli(["restore", done.runID, "--yes", "--data-dir", dataDir])).code).toBe(0);
    expect(await listed(moved)).toEqual([]);
  }
});
