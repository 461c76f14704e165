import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { parseArguments } from "../../plugin/command-line/arguments.ts";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { planRestore, restore } from "../../plugin/repair/restore.ts";
import type { HiddenSession } from "../../plugin/rescue/hidden.ts";
import type { RescueInput, RescueRequest } from "../../plugin/rescue/request.ts";
import { type HiddenList, listHidden, rescue } from "../../plugin/rescue/rescue.ts";
import { locate } from "../../plugin/stores/locate.ts";
import { listText } from "../../plugin/words/answers/rescue.ts";
import { IS_WHOLE } from "../process/whole.ts";
import { FOUND, type Left, SHOWN, shareWithContainer } from "../rescue/situations.ts";
import { goOn, type Lists, type MadeSession, messagesOf, World } from "../rescue/world.ts";
import { removeHomes } from "./home.ts";
import { openDatabase } from "./record-place.ts";
import { storeImage } from "./store-image.ts";

afterAll(async () => {
  await World.endShared();
  await removeHomes();
});

const RELINK: RescueRequest = { bringIn: false, relink: true, unarchive: false };

const NEWEST = "1.18.33";
/** Each of these versions has its own rule for its list. 1.2.27 stores no path of a session. */
const OLDER = ["1.14.41", "1.2.27"] as const;

/**
 * The situations that are tried on a version. A change to a folder has the same effects in every version, and each
 * version lists sessions by one rule in every situation. So each situation is tried on one version, and the versions
 * take turns. Situations that 1.18.33 does not get here are tried with sessions of 1.1.65.
 */
function triedOn(version: typeof NEWEST | (typeof OLDER)[number], situations: readonly string[]): string[] {
  if (IS_WHOLE) return [...situations];
  // A situation takes three times as long on 1.18.33 as on 1.14.41.
  const turns = [NEWEST, OLDER[0], OLDER[1], OLDER[0]] as const;
  return situations.filter(
    (name, index) => (LINKED.includes(name) ? OLDER[0] : turns[index % turns.length]) === version,
  );
}

describe.each([NEWEST, ...OLDER] as const)("%s", (version) => {
  let world: World;
  let entered = 0;
  beforeAll(async () => {
    world = await World.emptied(version);
  });

  async function begin(make: (world: World) => Promise<Left | null>): Promise<Left | null> {
    entered += 1;
    world.enter(`${entered}`);
    return make(world);
  }

  // 1.2 stores no path. In every name of a folder, its terminal UI lists the same sessions. So these situations hide
  // nothing there.
  const found = triedOn(version, Object.keys(FOUND)).filter((name) => version !== "1.2.27" || !LINKED.includes(name));

  test.each(found)("%s: found, one command, listed and opened, again nothing, undone", async (name) => {
    const left = await begin(FOUND[name] ?? (() => Promise.resolve(null)));
    if (left !== null) await isBroughtBack(world, left);
  });

  test.each(triedOn(version, Object.keys(SHOWN)))("%s: untouched", async (name) => {
    const left = await begin(SHOWN[name] ?? (() => Promise.resolve(null)));
    if (left !== null) await isUntouched(world, left);
  });

  if (version !== NEWEST && !IS_WHOLE) return;
  test("a container that shares the data directory: both sides are named, nothing is decided", async () => {
    const left = await begin(shareWithContainer);
    if (left !== null) await isBroughtBack(world, left);
  });
});

/** Situations in which the path of a folder contains a symbolic link. */
const LINKED = ["a folder that is stored as a link", "a folder that got another spelling, with a link in its place"];

/**
 * Situations that 1.1.65 makes as JSON files, without a database. The import does not depend on the situation, and an
 * imported session is then like those in the tests before. So only every fourth of the situations that 1.18.33 does not
 * get there is tried.
 */
const OF_JSON = Object.keys(FOUND)
  .filter(
    (name) =>
      !["a project that no record names", "a folder that is stored as a link"].includes(name) &&
      !name.startsWith("a child") &&
      (IS_WHOLE || !triedOn(NEWEST, Object.keys(FOUND)).includes(name)),
  )
  .filter((_, index) => IS_WHOLE || index % 4 === 0);

describe("1.1.65, then 1.18.33", () => {
  let world: World;
  const situations = new Map<string, readonly [root: string, left: Left]>();
  beforeAll(async () => {
    world = await World.start("1.1.65");
    for (const [index, name] of OF_JSON.entries()) {
      world.enter(`${index}`);
      const left = await FOUND[name]?.(world);
      if (left !== undefined) situations.set(name, [world.root, left]);
    }
    await world.upgrade("1.18.33");
    // At its first start, opencode makes the database.
    await world.lists(world.folder("elsewhere"));
  });
  afterAll(() => world.stop());

  test.each(OF_JSON)("%s: brought in by one command, and back to its folder by another", async (name) => {
    const [root = "", left] = situations.get(name) ?? [];
    if (left === undefined) throw new Error("there is no such situation");
    world.root = root;
    const ids = [...left.lost, ...(left.shown ?? [])].map(([{ id }]) => id);
    const listed = await listOf(await inputFor(world, ids), RELINK);
    const legacy = listed.hidden.filter(({ cause }) => cause === "legacy").map(({ sessionID }) => sessionID);
    expect(legacy.sort()).toEqual([...ids].sort());
    const done = await rescue(await inputFor(world, ids), { bringIn: true, relink: false, unarchive: false });
    expect([done.stopped, done.sessions.length]).toEqual([null, ids.length]);
    await isBroughtBack(world, left);
  });
});

test("sessions beyond the ends of the lists of 1.18.33 are counted as the host leaves them out", async () => {
  const world = await World.emptied();
  const folder = world.repository("app");
  const below = world.folder("app", "below");
  const make = async (at: string, count: number) => {
    const path = `/session?directory=${encodeURIComponent(at)}`;
    for (let index = 0; index < count; index += 1) await world.host.request("POST", path, {});
  };
  await make(below, 2);
  await make(folder, 103);
  const all = await listOf(await inputFor(world, []), RELINK);
  const [root, inner] = [await world.lists(folder), await world.lists(below)];
  const reached = new Set([...root.terminal, ...inner.terminal]);
  expect(all.limits).toMatchObject({
    beyond: 105 - reached.size,
    rule: "100 newest",
    beyondWeb: 105 - root.web.size - inner.web.size,
  });
  expect(all.limits).toMatchObject({ beyond: 3, rule: "100 newest", beyondWeb: 48 });
  const text = listText(all, (...args) => args.join(" "));
  expect(text).not.toContain("Nothing is hidden");
  expect(text).toContain("3 older sessions of this database cannot be in its list");
  expect(text).toContain("48 older sessions cannot be in their lists");
});

async function inputFor(world: World, sessionIDs: readonly string[]): Promise<RescueInput> {
  const located = await locate(nodeFileSystem, { env: {}, dataDir: world.home.dataDir });
  if (!located.ok) throw new Error(located.message);
  return { files: nodeFileSystem, located: located.located, into: null, sessionIDs };
}

async function listOf(input: RescueInput, request: RescueRequest): Promise<HiddenList> {
  const listing = await listHidden(input, request);
  if (!listing.ok) throw new Error(listing.message);
  return listing.list;
}

/** The commands that a printed list contains. Each is a list of words. */
function commandsIn(list: HiddenList): string[][] {
  const text = listText(list, (...args) => JSON.stringify(args));
  return text.split("\n").flatMap((line) => (/^ *\[/.test(line) ? [JSON.parse(line) as string[]] : []));
}

/**
 * The command that a user types for a session. It is the printed command, in which the user replaces FOLDER by the real
 * folder.
 */
function commandFor(list: HiddenList, found: HiddenSession, folder: string, isAsked: boolean): RescueRequest {
  const own = commandsIn({
    ...list,
    hidden: [],
    partlyShown: [],
    ...("shownFrom" in found ? { partlyShown: [found] } : { hidden: [found] }),
  } as HiddenList);
  const words = own
    .map((command) => command.map((word) => (word === "FOLDER" ? folder : word)))
    .find((command) => !isAsked || command.includes(folder));
  const parsed = parseArguments(words ?? ["no such command"]);
  if (!parsed.ok || parsed.command.name !== "rescue") throw new Error(`not to be typed: ${JSON.stringify(own)}`);
  expect(typeof parsed.command.relink === "object").toBe(isAsked);
  return parsed.command;
}

async function isBroughtBack(world: World, { lost, reason, isAsked = false, isPartly = false, shown = [] }: Left) {
  await areListed(world, shown);
  const ids = [...lost, ...shown].map(([{ id }]) => id);
  const all = await inputFor(world, ids);
  const list = await listOf(all, RELINK);
  const found = new Map((isPartly ? list.partlyShown : list.hidden).map((each) => [each.sessionID, each]));
  expect([...found.keys()].sort()).toEqual(lost.map(([{ id }]) => id).sort());
  for (const each of found.values()) expect(each.reason).toMatch(reason);
  expect(listText(list, (...args) => args.join(" "))).not.toContain("Nothing is hidden");
  if (isAsked) expect(list.changes).toEqual([]);
  const image = await storeImage(world.home.dataDir);
  const bring = async () => {
    const runs: string[] = [];
    for (const [{ id }, folder] of lost) {
      const session = found.get(id);
      if (session === undefined) continue;
      const request = commandFor(list, session, folder, isAsked);
      const done = await rescue(await inputFor(world, [id]), request);
      expect(done.stopped).toBeNull();
      runs.push(...(done.runID === null ? [] : [done.runID]));
      expect((await rescue(await inputFor(world, [id]), request)).runID).toBeNull();
    }
    expect(runs).toHaveLength(lost.length);
    return runs;
  };
  await undone(world, await bring());
  expect(await storeImage(world.home.dataDir)).toEqual(image);
  const places = placesOf(world, ids);
  const runs = await bring();
  const after = await listOf(all, RELINK);
  expect([after.hidden, after.partlyShown, after.changes]).toEqual([[], [], []]);
  await areListed(world, [...lost, ...shown]);
  for (const [{ id }, folder] of lost) {
    // The row must have the same values as a row that opencode itself writes for a session in that folder.
    const made = await world.sessionOfStarted(folder);
    expect(valuesOf(world, id)).toEqual(valuesOf(world, made.id));
    expect(await messagesOf(world.host, id)).toHaveLength(1);
    await goOn(world.host, { id, directory: folder });
  }
  await undone(world, runs);
  expect(placesOf(world, ids)).toEqual(places);
  for (const [{ id }] of lost) expect(await messagesOf(world.host, id)).toHaveLength(2);
}

async function isUntouched(world: World, { shown = [] }: Left) {
  await areListed(world, shown);
  const ids = shown.map(([{ id }]) => id);
  const list = await listOf(await inputFor(world, ids), RELINK);
  expect([list.hidden, list.partlyShown, list.changes]).toEqual([[], [], []]);
  const image = await storeImage(world.home.dataDir);
  expect((await rescue(await inputFor(world, ids), RELINK)).runID).toBeNull();
  expect(await storeImage(world.home.dataDir)).toEqual(image);
  await areListed(world, shown);
}

async function areListed(world: World, shown: readonly (readonly [session: MadeSession, folder: string])[]) {
  // Each list needs a boot in its folder. So each list is requested only once.
  const lists = new Map<string, Lists>();
  for (const [{ id }, folder] of shown) {
    const { terminal, web } = lists.get(folder) ?? (await world.lists(folder));
    lists.set(folder, { terminal, web });
    expect([id, terminal.has(id)]).toEqual([id, true]);
    expect([id, web.has(id)]).toEqual([id, true]);
  }
}

async function undone(world: World, runs: readonly string[]) {
  for (const runID of [...runs].reverse()) {
    const chosen = { ...(await inputFor(world, [])), access: "outside" as const, runID, itemIDs: [] };
    const planning = await planRestore(chosen);
    if (!planning.ok) throw new Error(planning.message);
    await restore(chosen, planning.plan);
  }
}

/**
 * The columns of a session's row that say where the session belongs. Columns that this version does not have are left
 * out.
 */
function valuesOf(world: World, id: string): Record<string, unknown> {
  using database = openDatabase(world.home);
  const row = database.query<Record<string, unknown>, [string]>("select * from session where id = ?").get(id) ?? {};
  const { directory, project_id: project, path, workspace_id: workspace } = row;
  return { directory, project, path, workspace };
}

/** The ids, projects, folders and parents of sessions, as their rows say. */
function placesOf(world: World, ids: readonly string[]): unknown[] {
  using database = openDatabase(world.home);
  const row = database.query("select id, project_id, directory, parent_id from session where id = ?");
  return ids.map((id) => row.get(id));
}
