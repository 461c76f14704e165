import { existsSync, realpathSync } from "node:fs";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { planRestore, restore } from "../../plugin/repair/restore.ts";
import type { HiddenSession } from "../../plugin/rescue/hidden.ts";
import type { RescueInput } from "../../plugin/rescue/request.ts";
import { type HiddenList, listHidden, rescue } from "../../plugin/rescue/rescue.ts";
import { locate } from "../../plugin/stores/locate.ts";
import { openDatabase } from "../host/record-place.ts";
import { Random } from "../oracle/random.ts";
import { WORKSPACE } from "./container.ts";
import { type History, liveHistory } from "./history.ts";
import { changedProjects, otherRows, projectRows, worktreesTwice } from "./project-rows.ts";
import { goOn, type Lists, listsOf, messagesOf, type World } from "./world.ts";

export interface Outcome {
  readonly sessions: number;
  readonly hidden: number;
  readonly partlyShown: number;
  readonly changes: number;
  /** Every case in which the host and `rescue` disagree. The list must be empty. */
  readonly disagreements: readonly string[];
  readonly steps: readonly string[];
}

const LIST = { bringIn: false, relink: true, unarchive: false } as const;

/** Runs one history on a real host, and compares what `rescue` says and does with what the host lists. */
export async function tryHistory(world: World, seed: number, length: number): Promise<Outcome> {
  const random = new Random(seed);
  world.enter(`h${seed}`);
  const history = await liveHistory(world, random, length);
  const said: string[] = [];
  try {
    const copied = await copiedMessages(history);
    const view = async (when: string, isKnown: boolean): Promise<View> => {
      const [list, globals] = [await hiddenOf(world, history), globalsOf(world)];
      const asked = await askEverywhere(world, history);
      const live = new Set(sessionRows(world).map(({ id }) => id));
      return { when, isKnown, list, asked, globals, live, realOf };
    };
    judge(history, await view("as it was left", false), copied, said);
    // After a start in every folder, no later start moves a session to another project.
    const settled = await view("after a start in every folder", true);
    judge(history, settled, copied, said);
    const inside = await viewsInside(world, history, copied);
    for (const each of inside) judge(history, each, copied, said);
    judgeTogether(history, [settled, ...inside], said);
    await relink(world, history, settled, inside, said);
    await bringIn(world, history, copied, random, said);
    const { hidden, partlyShown, changes } = settled.list;
    const counts = { hidden: hidden.length, partlyShown: partlyShown.length, changes: changes.length };
    return { sessions: history.sessions.length, ...counts, disagreements: said, steps: history.steps };
  } finally {
    await history.copy?.remove();
  }
}

/** What the host shows on one machine or in one container, and what `rescue` says there. */
interface View {
  readonly when: string;
  /** Whether a host was started in every folder before it gave these answers. */
  readonly isKnown: boolean;
  readonly list: Pick<HiddenList, "hidden" | "partlyShown" | "incomplete" | "changes">;
  readonly asked: Asked;
  /** The ids of the sessions in the project `global`. */
  readonly globals: ReadonlySet<string>;
  /** The ids of the sessions in the database. */
  readonly live: ReadonlySet<string>;
  /** The path of a folder without symbolic links. `null` if the folder does not exist. */
  readonly realOf: (folder: string) => string | null;
}

function globalsOf(world: World): ReadonlySet<string> {
  return new Set(sessionRows(world).flatMap((row) => (row.project_id === "global" ? [row.id] : [])));
}

/** The ids of each session's messages in the copy. Stops the copy's opencode afterwards. */
async function copiedMessages({ copy, sessions }: History): Promise<ReadonlyMap<string, readonly string[]>> {
  const copied = new Map<string, readonly string[]>();
  if (copy === null) return copied;
  for (const { id } of sessions) {
    const messages = await copy.messagesOf(id);
    if (messages !== null) copied.set(id, messages);
  }
  await copy.leave();
  return copied;
}

/** What `rescue` says in a container, for one folder after the other. A host was started in each folder before. */
async function viewsInside(
  world: World,
  { bound, sessions }: History,
  copied: ReadonlyMap<string, readonly string[]>,
): Promise<View[]> {
  const container = bound.length === 0 ? null : await world.container();
  if (container === null) return [];
  for (const folder of bound) {
    container.bind(folder);
    await listsOf(container.host, WORKSPACE);
  }
  const known = new Set([...sessionRows(world).map(({ id }) => id), ...copied.keys()]);
  // `rescue` cannot judge a session that is in no store, so these sessions are left out.
  const ids = sessions.flatMap(({ id }) => (known.has(id) ? ["--session", id] : []));
  const views: View[] = [];
  for (const folder of bound) {
    container.bind(folder);
    const asked = new Map([[WORKSPACE, await listsOf(container.host, WORKSPACE)]]);
    const list = (await container.run("rescue", "--relink", "--dry-run", ...ids)) as HiddenList;
    const live = new Set(sessionRows(world).map(({ id }) => id));
    const real = (path: string) => (path === WORKSPACE ? path : null);
    const when = `in a container with ${folder}`;
    views.push({ when, isKnown: true, list, asked, globals: globalsOf(world), live, realOf: real });
  }
  return views;
}

async function inputFor(world: World): Promise<RescueInput> {
  const located = await locate(nodeFileSystem, { env: {}, dataDir: world.home.dataDir });
  if (!located.ok) throw new Error(located.message);
  return { files: nodeFileSystem, located: located.located, into: null, sessionIDs: [] };
}

/** What `rescue` says about the sessions of this history. */
async function hiddenOf(world: World, { sessions }: History): Promise<HiddenList> {
  const listing = await listHidden({ ...(await inputFor(world)), sessionIDs: sessions.map(({ id }) => id) }, LIST);
  if (!listing.ok) throw new Error(listing.message);
  return listing.list;
}

type Asked = ReadonlyMap<string, Lists>;

async function askEverywhere(world: World, { folders }: History): Promise<Asked> {
  const asked = new Map<string, Lists>();
  for (const folder of folders) if (existsSync(folder)) asked.set(folder, await world.lists(folder));
  return asked;
}

/** Whether a list that is requested from the session's own folder contains the session. */
function isShownAtHome(asked: Asked, { id, directory }: { readonly id: string; readonly directory: string }): boolean {
  const lists = asked.get(directory);
  return lists !== undefined && (lists.web.has(id) || lists.terminal.has(id));
}

/**
 * The folders whose list contains a session. A terminal UI lists every session of the project `global` below its
 * folder. In a repository without a commit, the terminal UI lists all sessions of `global`. So for `global`, its list
 * counts only in the session's own folder.
 */
function listedIn(asked: Asked, id: string, isOfProject: boolean, own: string | null): string[] {
  return [...asked].flatMap(([folder, lists]) =>
    lists.web.has(id) || (lists.terminal.has(id) && (isOfProject || folder === own)) ? [folder] : [],
  );
}

function judge(
  { sessions }: History,
  { when, isKnown, list, asked, globals, live, realOf: real }: View,
  copied: ReadonlyMap<string, readonly string[]>,
  said: string[],
): void {
  const byID = (each: readonly HiddenSession[]) => new Map(each.map((session) => [session.sessionID, session]));
  const [hidden, partly] = [byID(list.hidden), byID(list.partlyShown)];
  const changed = changedBy(list);
  for (const session of sessions) {
    const { id, directory } = session;
    const place = `${when}: session ${id} of ${directory}`;
    const atHome = isShownAtHome(asked, session);
    const somewhere = listedIn(asked, id, !globals.has(id), real(directory));
    const isAnywhere = live.has(id) || copied.has(id);
    if (!isAnywhere && (hidden.has(id) || partly.has(id))) said.push(`${place} is in no database, and called hidden`);
    if (atHome && hidden.has(id)) said.push(`${place} is shown there, and called hidden: ${hidden.get(id)?.reason}`);
    if (atHome && changed.has(id)) said.push(`${place} is shown there, and would be moved`);
    if (isAnywhere && somewhere.length === 0 && !atHome && !hidden.has(id)) {
      said.push(`${place} is in no list, and not called hidden (${partly.has(id) ? "partly shown" : "shown"})`);
    }
    // If a folder was renamed to a new path, opencode does not know the folder until it starts there.
    if (isKnown && hidden.has(id) && somewhere.some((folder) => folder !== real(directory))) {
      said.push(`${place} is listed in ${somewhere.join(", ")}, and called hidden: ${hidden.get(id)?.reason}`);
    }
    if (isKnown && partly.has(id) && somewhere.length === 0)
      said.push(`${place} is in no list, and called partly shown`);
    // Only a container has this workspace. So the reason must mention a container, even on the machine.
    const reason = (hidden.get(id) ?? partly.get(id))?.reason;
    if (live.has(id) && real(directory) === null && directory === WORKSPACE && !reason?.includes("container")) {
      said.push(`${place} is of a container, and that is not said: ${reason}`);
    }
  }
}

function changedBy({ changes }: Pick<HiddenList, "changes">): ReadonlySet<string> {
  return new Set(changes.filter(({ table }) => table === "session").map(({ id }) => id));
}

/** If one side of a shared data directory shows a session in its own folder, no side may move the session. */
function judgeTogether({ sessions }: History, views: readonly View[], said: string[]): void {
  for (const session of sessions) {
    const shown = views.filter(({ asked }) => isShownAtHome(asked, session));
    const moved = views.filter(({ list }) => changedBy(list).has(session.id));
    if (shown.length === 0 || moved.length === 0) continue;
    const when = (each: readonly View[]) => each.map((view) => view.when).join(" and ");
    said.push(
      `session ${session.id} of ${session.directory} is shown ${when(shown)}, and would be moved ${when(moved)}`,
    );
  }
}

function realOf(folder: string): string | null {
  return existsSync(folder) ? realpathSync(folder) : null;
}

/** Relinks. Moved sessions must be listed, no other session may leave a list, and a second run must change nothing. */
async function relink(
  world: World,
  history: History,
  { list, asked }: View,
  inside: readonly View[],
  said: string[],
): Promise<void> {
  const rows = () => sessionRows(world);
  const before = rows();
  // A start in a container writes other folders into the project rows than a start on the machine. Each start removes
  // the folders of the other.
  const settle = async () => void (history.bound.length > 0 && (await askEverywhere(world, history)));
  if (list.changes.length > 0) await settle();
  const { changes } = history.bound.length > 0 ? await hiddenOf(world, history) : list;
  const projects = projectRows(world);
  const input = { ...(await inputFor(world)), sessionIDs: history.sessions.map(({ id }) => id) };
  const done = await rescue(input, LIST);
  if (done.stopped !== null) said.push(`relink stopped: ${done.stopped.message}`);
  if (list.changes.length === 0) {
    if (done.runID !== null) said.push("relink had nothing to do, and did something");
    return;
  }
  const wanted = changedProjects(projects, changes);
  said.push(...otherRows("right after relink", projectRows(world), wanted));
  if ((await hiddenOf(world, history)).changes.length > 0) said.push("relink again would change more");
  const placed = new Map(rows().map((row) => [row.id, row]));
  const now = await askEverywhere(world, history);
  // opencode was started in every folder before, so another start must not change the rows or repeat a worktree.
  said.push(...otherRows("after relink and a start in every folder", projectRows(world), wanted));
  said.push(...worktreesTwice(projectRows(world)));
  const changed = new Set(list.changes.map(({ id }) => id));
  for (const session of history.sessions) {
    const { id } = session;
    const directory = placed.get(id)?.directory ?? "";
    if (changed.has(id) && now.get(directory)?.web.has(id) !== true) {
      said.push(`session ${id} was put into ${directory}, and is not listed there`);
    }
    if (isShownAtHome(asked, session) && !isShownAtHome(now, session)) {
      said.push(`session ${id} was shown in ${session.directory}, and is not after relink`);
    }
  }
  for (const [index, view] of (await viewsInside(world, history, new Map())).entries()) {
    const before = inside[index];
    for (const session of history.sessions) {
      if (before !== undefined && isShownAtHome(before.asked, session) && !isShownAtHome(view.asked, session)) {
        said.push(`session ${session.id} was shown ${view.when}, and is not after relink`);
      }
    }
  }
  const restoring = { files: input.files, located: input.located, access: "outside" as const };
  const chosen = { ...restoring, runID: done.runID ?? "", sessionIDs: [], itemIDs: [] };
  const planning = await planRestore(chosen);
  if (!planning.ok) return void said.push(`undo: ${planning.message}`);
  await restore(chosen, planning.plan);
  if (JSON.stringify(rows()) !== JSON.stringify(before)) said.push("undo left other rows than before");
  await settle();
  said.push(...otherRows("after undo", projectRows(world), projects));
}

/** Imports what only the copy has. A second run must add nothing. An undo must remove all that nobody continued. */
async function bringIn(
  world: World,
  { sessions }: History,
  copied: ReadonlyMap<string, readonly string[]>,
  random: Random,
  said: string[],
): Promise<void> {
  const ours = new Map<string, readonly string[]>();
  for (const { id } of sessions) ours.set(id, (await messagesOf(world.host, id)) ?? []);
  const lacks = (id: string) => (copied.get(id) ?? []).filter((message) => ours.get(id)?.includes(message) !== true);
  const before = sessionRows(world);
  const live = new Set(before.map(({ id }) => id));
  const chosen = sessions.filter(({ id }) => copied.has(id) && (!live.has(id) || lacks(id).length > 0));
  if (chosen.length === 0) return;
  const input = { ...(await inputFor(world)), sessionIDs: chosen.map(({ id }) => id) };
  const listing = await listHidden(input, LIST);
  const incomplete = listing.ok ? listing.list.incomplete : [];
  const isPrefix = (id: string) => ours.get(id)?.every((message) => copied.get(id)?.includes(message)) === true;
  for (const { id } of chosen.filter((each) => live.has(each.id))) {
    const found = incomplete.find(({ sessionID }) => sessionID === id);
    const wanted = { more: lacks(id).length, isContained: isPrefix(id) };
    const told = { more: found?.more, isContained: found?.isContained };
    if (JSON.stringify(told) !== JSON.stringify(wanted)) {
      said.push(`session ${id}: the copy has ${JSON.stringify(wanted)}, and ${JSON.stringify(told)} was said`);
    }
  }
  const image = storedRows(world);
  const request = { bringIn: true, bringInPutAside: true, relink: false, unarchive: false };
  const done = await rescue(input, request);
  if (done.stopped !== null) said.push(`bring in stopped: ${done.stopped.message}`);
  for (const { id } of chosen) {
    const now = await messagesOf(world.host, id);
    const isBoth = live.has(id) && !isPrefix(id);
    const own = done.sessions.find(({ stateOf }) => stateOf === id)?.sessionID ?? null;
    const ownCount = own === null ? null : ((await messagesOf(world.host, own))?.length ?? 0);
    if (ownCount !== (isBoth ? copied.get(id)?.length : null)) {
      said.push(`session ${id} was continued in both, and its other state opens with ${ownCount} messages`);
    }
    const wanted = isBoth ? ours.get(id) : copied.get(id);
    if (JSON.stringify(now) !== JSON.stringify(wanted)) {
      said.push(`session ${id} opens with ${now?.length} messages after it was brought in, not with ${wanted?.length}`);
    }
  }
  if ((await rescue(input, request)).runID !== null) said.push("bring in again did something");
  if (done.runID === null) return;
  const brought = chosen.filter(({ id }) => !live.has(id));
  const goneOn = brought.length > 0 && random.chance(0.5) ? random.pick(brought) : null;
  if (goneOn !== null) await goOn(world.host, { id: goneOn.id, directory: world.home.project });
  const chosenRun = { ...input, access: "outside" as const, runID: done.runID, sessionIDs: [], itemIDs: [] };
  const planning = await planRestore(chosenRun);
  if (!planning.ok) return void said.push(`undo of what was brought in: ${planning.message}`);
  await restore(chosenRun, planning.plan);
  if (goneOn === null && storedRows(world) !== image) said.push("undo of what was brought in left other rows");
  if (
    goneOn !== null &&
    (await messagesOf(world.host, goneOn.id))?.length !== (copied.get(goneOn.id)?.length ?? 0) + 1
  ) {
    said.push(`session ${goneOn.id} lost messages by the undo: it went on since`);
  }
}

/** All rows of sessions, messages, parts and projects, as one text. */
function storedRows(world: World): string {
  using database = openDatabase(world.home);
  const rows = (table: string) => database.query(`select * from ${table} order by id`).all();
  return JSON.stringify([...["session", "message", "part"].map(rows), projectRows(world)]);
}

interface Row {
  readonly id: string;
  readonly project_id: string;
  readonly directory: string;
}

function sessionRows(world: World): Row[] {
  using database = openDatabase(world.home);
  return database.query<Row, []>("select id, project_id, directory, path from session order by id").all();
}
