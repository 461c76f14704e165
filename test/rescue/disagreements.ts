import { existsSync, realpathSync } from "node:fs";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { planRestore, restore } from "../../plugin/repair/restore.ts";
import type { HiddenSession } from "../../plugin/rescue/hidden.ts";
import type { RescueInput } from "../../plugin/rescue/request.ts";
import { type HiddenList, listHidden, rescue } from "../../plugin/rescue/rescue.ts";
import { locate } from "../../plugin/stores/locate.ts";
import { openDatabase } from "../host/record-place.ts";
import { Random } from "../oracle/random.ts";
import { type History, liveHistory } from "./history.ts";
import type { Lists, World } from "./world.ts";

export interface Outcome {
  readonly sessions: number;
  readonly hidden: number;
  readonly partlyShown: number;
  readonly changes: number;
  /** Where this project and the host say different things; none is right. */
  readonly disagreements: readonly string[];
  readonly steps: readonly string[];
}

const LIST = { bringIn: false, relink: true, unarchive: false } as const;

/** Lives one history on a real host, and compares what `rescue` says and does with what the host lists. */
export async function tryHistory(world: World, seed: number, length: number): Promise<Outcome> {
  const random = new Random(seed);
  world.enter(`h${seed}`);
  const history = await liveHistory(world, random, length);
  const said: string[] = [];
  const globals = () => new Set(sessionRows(world).flatMap((row) => (row.project_id === "global" ? [row.id] : [])));
  const before = await hiddenOf(world, history);
  const first = await askEverywhere(world, history);
  judge("as it was left", history, before, first, globals(), said, false);
  // Each start may have given sessions to another project: what the host says from here on stays.
  const after = await hiddenOf(world, history);
  const settled = await askEverywhere(world, history);
  judge("after a start in every folder", history, after, settled, globals(), said, true);
  await relink(world, history, after, settled, said);
  const { hidden, partlyShown, changes } = after;
  const counts = { hidden: hidden.length, partlyShown: partlyShown.length, changes: changes.length };
  return { sessions: history.sessions.length, ...counts, disagreements: said, steps: history.steps };
}

async function inputFor(world: World): Promise<RescueInput> {
  const located = await locate(nodeFileSystem, { env: {}, dataDir: world.home.dataDir });
  if (!located.ok) throw new Error(located.message);
  return { files: nodeFileSystem, located: located.located, into: null, sessionIDs: [] };
}

/** What is said of the sessions of this history. */
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

/** Whether a list that is asked from the session's own folder holds it. */
function isShownAtHome(asked: Asked, { id, directory }: { readonly id: string; readonly directory: string }): boolean {
  const lists = asked.get(directory);
  return lists !== undefined && (lists.web.has(id) || lists.terminal.has(id));
}

/**
 * Folders in whose list a session is. Of project `global` a terminal UI lists what was ever held below its folder, and in
 * a repository without a commit all there is: that counts only in the session's own folder.
 */
function listedIn(asked: Asked, id: string, isOfProject: boolean): string[] {
  return [...asked].flatMap(([folder, lists]) =>
    lists.web.has(id) || (lists.terminal.has(id) && isOfProject) ? [folder] : [],
  );
}

function judge(
  when: string,
  history: History,
  list: HiddenList,
  asked: Asked,
  globals: ReadonlySet<string>,
  said: string[],
  isKnown: boolean,
): void {
  const byID = (sessions: readonly HiddenSession[]) => new Map(sessions.map((each) => [each.sessionID, each]));
  const [hidden, partly] = [byID(list.hidden), byID(list.partlyShown)];
  const changed = new Set(list.changes.filter(({ table }) => table === "session").map(({ id }) => id));
  for (const session of history.sessions) {
    const { id, directory } = session;
    const place = `${when}: session ${id} of ${directory}`;
    const atHome = isShownAtHome(asked, session);
    const somewhere = listedIn(asked, id, !globals.has(id));
    if (atHome && hidden.has(id)) said.push(`${place} is shown there, and called hidden: ${hidden.get(id)?.reason}`);
    if (atHome && changed.has(id)) said.push(`${place} is shown there, and would be moved`);
    if (somewhere.length === 0 && !atHome && !hidden.has(id)) {
      said.push(`${place} is in no list, and not called hidden (${partly.has(id) ? "partly shown" : "shown"})`);
    }
    // A folder that was renamed to where nothing led is not known before opencode is started there.
    if (isKnown && hidden.has(id) && somewhere.some((folder) => folder !== realOf(directory))) {
      said.push(`${place} is listed in ${somewhere.join(", ")}, and called hidden: ${hidden.get(id)?.reason}`);
    }
    if (isKnown && partly.has(id) && somewhere.length === 0)
      said.push(`${place} is in no list, and called partly shown`);
  }
}

function realOf(folder: string): string | null {
  return existsSync(folder) ? realpathSync(folder) : null;
}

/** Relinks what is sure: it is shown in its folder then, nothing else is lost from a list, again changes nothing. */
async function relink(world: World, history: History, list: HiddenList, asked: Asked, said: string[]): Promise<void> {
  const rows = () => sessionRows(world);
  const before = rows();
  const input = { ...(await inputFor(world)), sessionIDs: history.sessions.map(({ id }) => id) };
  const done = await rescue(input, LIST);
  if (done.stopped !== null) said.push(`relink stopped: ${done.stopped.message}`);
  if (list.changes.length === 0) {
    if (done.runID !== null) said.push("relink had nothing to do, and did something");
    return;
  }
  if ((await hiddenOf(world, history)).changes.length > 0) said.push("relink again would change more");
  const placed = new Map(rows().map((row) => [row.id, row]));
  const now = await askEverywhere(world, history);
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
  const restoring = { files: input.files, located: input.located, access: "outside" as const };
  const chosen = { ...restoring, runID: done.runID ?? "", sessionIDs: [], itemIDs: [] };
  const planning = await planRestore(chosen);
  if (!planning.ok) return void said.push(`undo: ${planning.message}`);
  await restore(chosen, planning.plan);
  if (JSON.stringify(rows()) !== JSON.stringify(before)) said.push("undo left other rows than before");
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
