import { afterAll, expect, test } from "bun:test";
import { mkdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { runCli } from "../command-line/cli-process.ts";
import { createHome, type HermeticHome, removeHomes } from "./home.ts";
import { startHost } from "./running-host.ts";
import { records } from "./session-answers.ts";

afterAll(removeHomes);

/** Ids of the sessions that an opencode started in this project lists. */
async function listed(home: HermeticHome): Promise<unknown[]> {
  const host = await startHost({ home });
  try {
    return records((await host.get("/session")).body).map(({ id }) => id);
  } finally {
    await host.stop();
  }
}

test.each([
  ["a git project", true],
  ["a folder without git", false],
] as const)("%s that was moved: opencode lists its sessions again after rescue --relink", async (_, isGit) => {
  const base = await createHome("1.18.33");
  const project = isGit ? base.project : join(base.root, "plain");
  if (!isGit) await mkdir(project);
  const host = await startHost({ home: { ...base, project } });
  const made = await host.post("/session", { title: "made before the move" });
  const { id } = made.body as { id: string };
  await host.stop();
  const moved = { ...base, project: join(base.root, "moved") };
  await rename(project, moved.project);
  expect(await listed(moved)).toEqual([]);

  // opencode knows a git project again in its new folder; of another the user says where it is.
  const where = isGit ? [] : ["--from", project, "--to", moved.project];
  const relink = ["rescue", "--relink", ...where, "--json", "--data-dir", base.dataDir];
  const done = JSON.parse((await runCli([...relink, "--yes"])).stdout);
  expect(done.hidden).toEqual([]);
  expect(await listed(moved)).toEqual([id]);
  if (!isGit) {
    expect((await runCli(["restore", done.runID, "--yes", "--data-dir", base.dataDir])).code).toBe(0);
    expect(await listed(moved)).toEqual([]);
  }
});
