import { afterAll, expect, test } from "bun:test";
import { renameSync } from "node:fs";
import { askCli } from "../command-line/cli-service.ts";
import { IS_WHOLE } from "../process/whole.ts";
import { type MadeSession, World } from "../rescue/world.ts";
import type { HostVersion } from "./binary.ts";
import { removeHomes } from "./home.ts";
import { openDatabase } from "./record-place.ts";
import { storeImage } from "./store-image.ts";

afterAll(async () => {
  await World.endShared();
  await removeHomes();
});

interface Answer {
  readonly code: number;
  readonly hidden: readonly Readonly<Record<string, unknown>>[];
  readonly partlyShown: readonly { readonly sessionID: string; readonly candidates: readonly string[] }[];
  readonly changes: readonly unknown[];
  readonly runID: string | null;
}

async function rescue(world: World, ...args: readonly string[]): Promise<Answer> {
  const { code, stdout } = await askCli(["rescue", ...args, "--json", "--data-dir", world.home.dataDir]);
  return { code, ...JSON.parse(stdout) };
}

async function text(world: World, ...args: readonly string[]): Promise<string> {
  return (await askCli([...args, "--data-dir", world.home.dataDir])).stdout;
}

/**
 * Checks that `rescue --relink --yes` changes no byte, and that opencode still lists every session in the same folder.
 */
async function staysUntouched(world: World, shown: readonly (readonly [folder: string, MadeSession])[]): Promise<void> {
  for (const [folder, { id }] of shown) expect([...(await world.lists(folder)).terminal]).toContain(id);
  const before = await storeImage(world.home.dataDir);
  const done = await rescue(world, "--relink", "--yes");
  expect([done.code, done.runID, done.hidden]).toEqual([0, null, []]);
  expect(await storeImage(world.home.dataDir)).toEqual(before);
  for (const [folder, { id }] of shown) expect([...(await world.lists(folder)).terminal]).toContain(id);
}

/** rescue-situations.test.ts tests the same folders with the older versions. */
const hosts = (...versions: readonly HostVersion[]) => (IS_WHOLE ? versions : versions.slice(0, 1));

test.each(hosts("1.18.33", "1.14.41"))(
  "%s: a project that was moved and opened, with another repository at its old folder, keeps its sessions",
  async (version) => {
    const world = await World.emptied(version);
    const old = world.repository("app");
    const made = [await world.session(old), await world.session(old)];
    renameSync(old, world.at("moved"));
    const here = await world.session(world.at("moved"));
    world.repository("app");
    const other = await world.session(old);
    await staysUntouched(world, [...[...made, here].map((each) => [world.at("moved"), each] as const), [old, other]]);
    const listed = await rescue(world, "--dry-run");
    expect(listed.partlyShown.map(({ sessionID }) => sessionID).sort()).toEqual(made.map(({ id }) => id).sort());
    expect(await text(world, "rescue")).not.toContain("Nothing is hidden");
    expect(await text(world, "check")).not.toContain("--relink");
  },
);

test.each(hosts("1.18.33", "1.14.41", "1.2.27"))(
  "%s: sessions of folders without git stay where they are when an empty repository was opened and then got a commit",
  async (version) => {
    const world = await World.emptied(version);
    const notes = world.folder("notes");
    const note = await world.session(notes);
    expect(note.projectID).toBe("global");
    const fresh = world.folder("fresh");
    world.git(fresh, "init", "--quiet");
    await world.lists(fresh);
    world.commit(fresh);
    const made = await world.session(fresh);
    expect(made.projectID).not.toBe("global");
    if (version !== "1.18.33") await world.lists(fresh);
    await staysUntouched(world, [[fresh, made]]);
    expect([...(await world.lists(notes)).web]).toContain(note.id);
    using database = openDatabase(world.home);
    expect(database.query("select project_id as id from session where id = ?").get(note.id)).toEqual({
      id: "global",
    });
  },
);

test("two clones of one remote, one of them renamed: nothing is decided without --to, both are named", async () => {
  const world = await World.emptied();
  const origin = world.repository("origin");
  for (const name of ["a", "b"]) {
    world.git(world.root, "clone", "--quiet", origin, name);
    world.git(world.at(name), "remote", "set-url", "origin", "https://example.invalid/team/app.git");
  }
  const [a, b] = [world.at("a"), world.at("b")];
  const first = await world.session(a);
  const second = await world.session(b);
  expect(first.projectID).toBe(second.projectID);
  renameSync(a, world.at("c"));
  const before = await storeImage(world.home.dataDir);
  const done = await rescue(world, "--relink", "--yes");
  expect([done.runID, done.hidden]).toEqual([null, []]);
  expect(await storeImage(world.home.dataDir)).toEqual(before);
  expect(done.partlyShown.map(({ sessionID }) => sessionID)).toEqual([first.id]);
  expect([...(done.partlyShown[0]?.candidates ?? [])].sort()).toEqual([b, world.at("c")]);
  expect((await rescue(world, "--relink", "--from", a, "--to", world.at("c"), "--yes")).partlyShown).toEqual([]);
  const now = await world.lists(world.at("c"));
  expect([...now.web]).toEqual([first.id]);
  expect([...(await world.lists(b)).web]).toEqual([second.id]);
});

test("a repository with a worktree, the main one renamed: nothing is given to the other", async () => {
  const world = await World.emptied();
  const main = world.repository("main");
  world.git(main, "worktree", "add", "--quiet", world.at("side"));
  const inMain = await world.session(main);
  await world.session(world.at("side"));
  renameSync(main, world.at("renamed"));
  world.git(world.at("renamed"), "worktree", "repair", world.at("side"));
  const before = await storeImage(world.home.dataDir);
  const done = await rescue(world, "--relink", "--yes");
  expect([done.runID, done.hidden]).toEqual([null, []]);
  expect(await storeImage(world.home.dataDir)).toEqual(before);
  expect(done.partlyShown.map(({ sessionID }) => sessionID)).toEqual([inMain.id]);
  expect([...(await world.lists(world.at("side"))).terminal]).toContain(inMain.id);
});
