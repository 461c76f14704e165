import { cpSync, existsSync, lstatSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { sha256 } from "../../plugin/platform/hash.ts";
import { quarantinePath } from "../../plugin/quarantine/places.ts";
import { storedRunID, storedRuns } from "../../plugin/quarantine/vault.ts";
import { Random } from "../oracle/random.ts";
import { parses } from "../records/parses.ts";
import { blockingIn, repairFindings, restoreRun, settledFiles } from "../repair/tool.ts";
import { sampleContent } from "../stores/content.ts";
import { createJsonStore, folderImage } from "../stores/json-fixture.ts";
import { createSqliteStore } from "../stores/sqlite-fixture.ts";
import type { Image, StoreUnderTest } from "../stores/store-under-test.ts";
import { demand } from "./defect.ts";
import type { Defect } from "./fuzz-stores.ts";
import { rowsOf, Surroundings, step } from "./grounds.ts";
import { mutate, mutateDocument } from "./mutate.ts";

/** A repaired store with its quarantine, and a copy of both in the folder `kept`. */
interface Ground {
  readonly name: string;
  readonly store: StoreUnderTest;
  readonly kept: string;
  readonly rows: (() => Image | null) | null;
  /** The places that the repair changed. A restore may change only these places. */
  readonly changed: ReadonlySet<string>;
}

const DAMAGED = Buffer.from('{"type":');

async function ground(generation: "files" | "rows", prescribe: boolean): Promise<Ground> {
  const store =
    generation === "files" ? createJsonStore(sampleContent()) : await createSqliteStore("1.18.33", sampleContent());
  const rows = "database" in store ? () => rowsOf(String(store.database)) : null;
  store.overwrite(store.locatorOf("part", "prt_a1_1"), DAMAGED);
  store.overwrite(store.locatorOf("message", "msg_b1"), Buffer.alloc(0));
  if (generation === "rows") store.overwrite(store.locatorOf("session", "ses_b"), DAMAGED);
  const image = () => rows?.() ?? folderImage(store.dataDir, ["quarantine"]);
  const before = image();
  const findings = await blockingIn(store.dataDir);
  const copy = Buffer.from('{"type":"text","text":"as it was"}');
  await repairFindings(
    settledFiles,
    store.dataDir,
    findings.map((finding) =>
      prescribe && finding.kind === "part"
        ? {
            ...finding,
            remedy: "recover" as const,
            replacement: {
              source: "a test",
              content:
                generation === "files"
                  ? { bytes: copy }
                  : { cells: new Map([["data", { storage: "text" as const, bytes: copy }]]) },
            },
          }
        : finding,
    ),
  );
  const after = image();
  const changed = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (at) => before[at] !== after[at],
  );
  const kept = join(dirname(store.dataDir), "kept");
  cpSync(store.dataDir, kept, { recursive: true, preserveTimestamps: true });
  const name = `${generation}${prescribe ? ", with a copy" : ""}`;
  return { name, store, kept, rows, changed: new Set(changed) };
}

/**
 * Changes manifests and items in the quarantine at random, then restores every run and checks that nothing is lost. The
 * seed and the number of a case decide its changes.
 */
export async function fuzzManifests(
  seed: number,
  first: number,
  count: number,
  onDefect: (defect: Defect) => void,
  onCase: () => void = () => undefined,
): Promise<{ readonly cases: number; readonly refused: number; readonly restored: number }> {
  const grounds = [
    await ground("files", false),
    await ground("rows", false),
    await ground("files", true),
    await ground("rows", true),
  ];
  const result = { cases: 0, refused: 0, restored: 0 };
  for (let index = first; index < first + count; index += 1) {
    const chosen = grounds[index % grounds.length];
    if (chosen === undefined) continue;
    const surroundings = new Surroundings(chosen.store);
    try {
      await fuzzOne(chosen, new Random(seed * 1_000_033 + index), surroundings, result);
    } catch (error) {
      onDefect({ index, ground: `manifests, ${chosen.name}`, error });
    } finally {
      surroundings.leave();
      rmSync(chosen.store.dataDir, { recursive: true, force: true });
      cpSync(chosen.kept, chosen.store.dataDir, { recursive: true, preserveTimestamps: true });
      result.cases += 1;
      onCase();
    }
  }
  for (const { store } of grounds) store.remove();
  return result;
}

async function fuzzOne(
  { store, rows, changed }: Ground,
  random: Random,
  surroundings: Surroundings,
  result: { refused: number; restored: number },
): Promise<void> {
  for (let times = 1 + random.below(3); times > 0; times -= 1) spoil(store.dataDir, random);
  const [image, contents] = [rows?.() ?? null, contentsBelow(store.dataDir)];
  const runs = await step("runs", () => storedRuns(nodeFileSystem, store.dataDir));
  let isRefused = false;
  for (const run of runs) {
    if (!run.ok) {
      demand(/^[a-z].{5,}/i.test(run.problem) && run.problem.length < 500, `no clear problem: ${run.problem}`);
      isRefused = true;
    }
  }
  for (const id of new Set(runs.map(storedRunID))) {
    if (runs.some((run) => !run.ok && storedRunID(run) === id)) continue;
    const { items, stopped } = await step("restore", () => restoreRun(settledFiles, store.dataDir, id));
    if (stopped !== null) demand(/^[A-Z].*\.$/.test(stopped.message), `no clear sentence: ${stopped.message}`);
    result.restored += items.filter(({ action }) => action === "restored").length;
  }
  if (isRefused) result.refused += 1;
  surroundings.judge();
  const again = contentsBelow(store.dataDir);
  for (const [hash, where] of contents) demand(again.has(hash), `bytes were lost: ${where}`);
  if (image === null) return;
  const now = rows?.() ?? null;
  demand(now !== null, "the database cannot be read any more");
  for (const [place, row] of Object.entries(image)) {
    demand(now[place] === row || changed.has(place), `a row changed: ${place}`);
  }
}

/** Damages the bytes of a manifest, the values in a manifest, or the file of an item. */
function spoil(dataDir: string, random: Random): void {
  const root = quarantinePath(dataDir);
  const names = (readdirSync(root, { recursive: true }) as string[]).filter((name) =>
    lstatSync(join(root, name)).isFile(),
  );
  const manifests = names.filter((name) => name.endsWith("manifest.json"));
  const path = join(root, random.pick(random.chance(0.75) && manifests.length > 0 ? manifests : names));
  const bytes = readFileSync(path);
  if (path.endsWith("manifest.json") && random.chance(0.8) && parses(bytes)) {
    writeFileSync(path, mutateDocument(bytes.toString("utf8"), random));
  } else if (random.chance(0.85)) writeFileSync(path, mutate(bytes, random));
  else {
    rmSync(path);
    // Sometimes the file is replaced by a link to a file outside the data directory.
    if (random.chance(0.7)) return;
    const elsewhere = join(dirname(dataDir), "outside.json");
    symlinkSync(elsewhere, path);
  }
}

/**
 * The hashes of all files in a data directory, with their names. The database, manifests, state files and locks are
 * left out.
 */
function contentsBelow(dataDir: string): Map<string, string> {
  const contents = new Map<string, string>();
  for (const name of existsSync(dataDir) ? (readdirSync(dataDir, { recursive: true }) as string[]) : []) {
    // State files are left out, because the tool writes a state file again if it does not match its manifest.
    const isWrittenAgain = /(manifest\.json|state\.jsonl)$|^opencode\.db|\.lock/.test(name);
    if (!lstatSync(join(dataDir, name)).isFile() || isWrittenAgain) continue;
    contents.set(sha256(readFileSync(join(dataDir, name))), name);
  }
  return contents;
}
