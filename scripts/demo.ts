import { Database } from "bun:sqlite";
import { readdir, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { storedRuns } from "../plugin/api.ts";
import { nodeFileSystem } from "../plugin/platform/file-system.ts";
import { createHome, type HermeticHome, removeHomes } from "../test/host/home.ts";
import { type ModelServer, startModelServer } from "../test/host/model-server.ts";
import { type StoreImage, storeImage } from "../test/host/store-image.ts";
import { mountSmallDisk, type SmallDisk } from "./demo/small-disk.ts";
import {
  BrokenPromiseError,
  expectAllThere,
  expectOnlyMissing,
  heading,
  type Message,
  Stage,
  say,
  tell,
} from "./demo/stage.ts";

/**
 * How many kilobytes are left free on the disk in each attempt. With 8 kB, opencode fails only when it writes the
 * answer. With 4 kB, it fails earlier.
 */
const LEFT_FREE = [8, 4, 16, 20];

/** A session that opencode can no longer open. */
interface Damaged {
  readonly sessionID: string;
  readonly recordID: string;
  /** The messages that opencode showed before the damage. */
  readonly before: readonly Message[];
  /** Whether opencode's log has a copy of the damaged record. */
  readonly isLogged: boolean;
}

async function main(): Promise<void> {
  heading("1. opencode 1.1.65 keeps sessions as JSON files; a turn on a full disk (issue #7607)");
  await act("1.1.65", async (stage, disk) => {
    if (disk === null) {
      tell("(Only root on Linux may mount a small disk: here the file is cut to 0 bytes by hand instead.)");
      return cutFile(stage);
    }
    return fullDisk(stage, disk);
  });
  heading("2. opencode 1.18.33 keeps sessions in SQLite; a row's JSON is gone");
  await act("1.18.33", emptyRow);
  tell("Every answer was the promised one.\n");
}

/**
 * Shows the whole story with one opencode version: damage, check, repair at the next start, undo, and repair from the
 * command line.
 */
async function act(
  version: "1.1.65" | "1.18.33",
  damage: (stage: Stage, disk: SmallDisk | null) => Promise<Damaged>,
): Promise<void> {
  const home = await createHome(version);
  const model = startModelServer();
  const disk = version === "1.1.65" ? mountSmallDisk(home.dataDir, 4) : null;
  const stage = new Stage(home, model);
  try {
    await story(stage, await damage(stage, disk));
  } finally {
    await clearAway(stage, model, home, disk);
  }
}

async function story(stage: Stage, { sessionID, recordID, before, isLogged }: Damaged): Promise<void> {
  const judge = (now: readonly Message[]) =>
    isLogged ? expectAllThere(before, now) : expectOnlyMissing(before, now, recordID);
  tell("opencode is started again:");
  await stage.open(false);
  await stage.conversation(sessionID, "an error");
  await stage.close();
  await stage.command(1, "check");

  const damaged = await image(stage.home);

  tell("opencode is started with the plugin; nothing else is done:");
  await stage.open(true);
  judge(await stage.conversation(sessionID, 200));
  if (isLogged) say("  (the very same answer as before the damage: the part came from opencode's own event log)");
  await stage.close();

  tell("Undo: the damaged record goes back, byte for byte, and the error with it:");
  await stage.command(0, "restore", await onlyRun(stage.home), "--yes");
  if (!isDeepStrictEqual(await image(stage.home), damaged)) throw new BrokenPromiseError("the undo was not complete");
  say("  (SHA-256 of every file and every row: as before)");
  await stage.open(false);
  await stage.conversation(sessionID, "an error");

  tell("The same repair from the command line, while opencode runs:");
  await stage.command(0, "repair", "--yes");
  judge(await stage.conversation(sessionID, 200));
}

/**
 * The hash of every file and every row. The record of the project is left out, because each start of opencode writes
 * the time into it.
 */
async function image({ dataDir }: HermeticHome): Promise<StoreImage> {
  const everything = await storeImage(dataDir, ["project.time_updated"]);
  const project = join("storage", "project");
  return Object.fromEntries(Object.entries(everything).filter(([name]) => !name.startsWith(project)));
}

async function onlyRun({ dataDir }: HermeticHome): Promise<string> {
  const [run, ...others] = await storedRuns(nodeFileSystem, dataDir);
  if (!run?.ok || others.length > 0) throw new BrokenPromiseError("the plugin left no run, or more than one");
  return run.manifest.runID;
}

async function clearAway(stage: Stage, model: ModelServer, home: HermeticHome, disk: SmallDisk | null): Promise<void> {
  await stage.close();
  await model.stop();
  disk?.unmount();
  await home.remove();
}

/**
 * Asks the model a question on a disk with a few kilobytes left. Repeats that with other amounts until opencode leaves
 * an empty record behind.
 */
async function fullDisk(stage: Stage, disk: SmallDisk): Promise<Damaged> {
  for (const left of LEFT_FREE) {
    await stage.open(false);
    const sessionID = await firstTurn(stage);
    const before = await stage.conversation(sessionID, 200);
    tell(`Something else fills the disk but for ${left} kB, and the session goes on:`);
    await disk.fill(left * 1024);
    await stage.turn(sessionID, "Tell me more.", "There is a lot more to tell. ".repeat(20), 10_000);
    const complaint = stage.diskComplaint();
    await stage.close();
    await disk.free();
    const file = await emptyRecord(stage.home, before);
    if (file === null) {
      tell("This time opencode was lucky. Once more:");
      continue;
    }
    say(`  opencode: ${complaint ?? "(no word of it)"}`);
    say(`  left behind: ${file}, 0 bytes`);
    tell("There is space again.");
    return { sessionID, recordID: basename(file, ".json"), before, isLogged: false };
  }
  throw new BrokenPromiseError("the full disk did no damage");
}

async function firstTurn(stage: Stage): Promise<string> {
  const sessionID = await stage.newSession("A session worth keeping");
  const answer = await stage.turn(sessionID, "What is the answer?", "It is forty-two.");
  if (answer?.status !== 200) throw new BrokenPromiseError(`opencode did not take the question: ${answer?.status}`);
  return sessionID;
}

/**
 * Finds an empty message or part that was written after `before`. Earlier records must not be damaged, because the demo
 * shows that they stay.
 */
async function emptyRecord({ dataDir }: HermeticHome, before: readonly Message[]): Promise<string | null> {
  const known = new Set(before.flatMap(({ info, parts }) => [info.id, ...parts.map(({ id }) => id)]));
  for (const kind of ["message", "part"]) {
    const folder = join("storage", kind);
    for (const name of await readdir(join(dataDir, folder), { recursive: true })) {
      const { size } = await stat(join(dataDir, folder, name));
      if (size === 0 && !known.has(basename(name, ".json"))) return join(folder, name);
    }
  }
  return null;
}

async function cutFile(stage: Stage): Promise<Damaged> {
  const conversation = await wholeConversation(stage);
  const { recordID, messageID } = lastText(conversation.before);
  const file = join("storage", "part", messageID, `${recordID}.json`);
  await writeFile(join(stage.home.dataDir, file), "");
  say(`  damaged: ${file}, 0 bytes`);
  return { ...conversation, recordID, isLogged: false };
}

async function emptyRow(stage: Stage): Promise<Damaged> {
  const conversation = await wholeConversation(stage);
  const { recordID } = lastText(conversation.before);
  using database = new Database(join(stage.home.dataDir, "opencode.db"), { readwrite: true });
  database.run("update part set data = '' where id = ?", [recordID]);
  say(`  damaged: part.data of ${recordID}, 0 bytes`);
  return { ...conversation, recordID, isLogged: true };
}

async function wholeConversation(stage: Stage): Promise<Omit<Damaged, "recordID" | "isLogged">> {
  await stage.open(false);
  const sessionID = await firstTurn(stage);
  await stage.turn(sessionID, "Tell me more.", "There is no more to tell.");
  const before = await stage.conversation(sessionID, 200);
  await stage.close();
  return { sessionID, before };
}

function lastText(messages: readonly Message[]): { recordID: string; messageID: string } {
  const message = messages.at(-1);
  const part = message?.parts.find(({ type }) => type === "text");
  if (!message || !part) throw new BrokenPromiseError("the model's answer is not in the session");
  return { recordID: part.id, messageID: message.info.id };
}

try {
  await main();
} catch (error) {
  if (!(error instanceof BrokenPromiseError)) throw error;
  process.stderr.write(`\nThis is not what was promised: ${error.message}\n`);
  process.exitCode = 1;
} finally {
  await removeHomes();
}
