import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { type InstalledPackage, installPackage, PACKAGE_NAME } from "../package/installed.ts";
import { packedPackage } from "../package/packed.ts";
import { type LoopbackRegistry, startRegistry } from "../package/registry.ts";
import { ASK_EVERY_MS, until } from "../process/until.ts";
import { IS_WHOLE } from "../process/whole.ts";
import { type HostVersion, isJsonHost, LINE_HOSTS, mended } from "./binary.ts";
import { damageable } from "./damageable.ts";
import { removeHomes } from "./home.ts";
import { pluginLogLines, pluginToast, waitForPluginLog } from "./host-log.ts";
import {
  type Bench,
  bootWith,
  contents,
  damagedPart,
  loadsMended,
  manifestsOf,
  messageStatus,
  nobodyRepairs,
  records,
  restart,
  setUp,
  signOfLife,
  unexpectedOutput,
  victims,
  withoutBoots,
  writeOptions,
} from "./plugin-bench.ts";
import type { RecordPlace } from "./record-place.ts";
import type { HostSettings } from "./running-host.ts";
import { askAbout, opens } from "./session-answers.ts";
import { PATIENT } from "./stored-fixture.ts";
import { toolFor } from "./tool.ts";

/** The package as npm installs it, and a registry that offers it. */
interface Distribution extends InstalledPackage {
  readonly tarball: string;
  readonly registry: LoopbackRegistry;
}

/**
 * 1.0.152 and 1.2.27 load plugins like 1.1.65, and 1.14.41 loads them like 1.18.33. So these versions do not try every
 * form of entry.
 */
const LOADING_AS_OTHERS: readonly HostVersion[] = ["1.0.152", "1.2.27", "1.14.41"];

let distribution: Distribution;

beforeAll(async () => {
  const registry = await startRegistry();
  distribution = { ...(await installPackage(registry)), tarball: await packedPackage(), registry };
});

afterAll(async () => {
  await distribution?.registry.stop();
  await removeHomes();
});

for (const version of LINE_HOSTS) {
  describe(`opencode ${version}`, () => {
    let bench: Bench;

    beforeAll(async () => {
      bench = await setUp(version);
    });

    afterAll(async () => {
      await bench?.host.stop();
      await bench?.store.home.remove();
    });

    test("without the plugin three sessions do not open", async () => {
      for (const { sessionID } of victims(bench)) {
        expect(opens(await askAbout(bench.host, sessionID ?? ""), sessionID ?? "")).toBe(false);
      }
      expect(await messageStatus(bench.host, bench.part)).toBe(500);
      expect(await messageStatus(bench.host, bench.message)).toBe(500);
    });

    test("a broken installation changes nothing for the host", () => brokenInstallation(bench));

    test('preload "check", "off" and wrong options change nothing', () => nothingIsChanged(bench));

    test("as a file plugin: the first answer is whole, and the user is told", () => filePlugin(bench));

    if (!IS_WHOLE && LOADING_AS_OTHERS.includes(version)) return;

    test("as the packed npm package, by name: what a user restored stays", () => respectedRestore(bench));

    test("in every other form", () => otherForms(bench));

    test("a quarantine that cannot be written does not stop the host", () => unwritableQuarantine(bench));
  });
}

async function brokenInstallation(bench: Bench): Promise<void> {
  const alone = join(bench.store.home.root, "alone");
  await cp(join(distribution.directory, "dist"), join(alone, "dist"), { recursive: true });
  await rm(join(alone, "dist", "dependencies"), { recursive: true });
  const before = await withoutBoots(bench);
  await bootWith(bench, [pathToFileURL(join(alone, "dist", "server.js")).href]);
  expect(await messageStatus(bench.host, bench.part)).toBe(500);
  const { empty } = bench.store.sessions;
  expect(await bench.host.get(`/session/${empty.id}/message`)).toEqual({ status: 200, body: [] });
  expect(await withoutBoots(bench)).toEqual(before);
  expect(await pluginLogLines(bench.store.home)).toEqual([]);
}

async function nothingIsChanged(bench: Bench): Promise<void> {
  const { home } = bench.store;
  const plugin = pathToFileURL(join(distribution.directory, "dist", "server.js")).href;
  const before = await withoutBoots(bench);
  const cases: readonly { options: Readonly<Record<string, unknown>>; says: readonly string[] | null }[] = [
    { options: { preload: "off" }, says: null },
    {
      options: { preload: "check", ...PATIENT },
      says: ["cannot be opened", bench.part.recordID, bench.message.recordID],
    },
    { options: { preload: "repair", prelaod: "repair" }, says: ["prelaod"] },
    { options: { budgetMs: "long" }, says: ["budgetMs"] },
  ];
  const forms = tuplesWork(home.version) ? (["file", "tuple"] as const) : (["file"] as const);
  for (const form of forms) {
    // The same code reads options from both places. So only one case is tried with options in opencode.json.
    for (const { options, says } of form === "file" ? cases : cases.filter((each) => "prelaod" in each.options)) {
      const known = (await pluginLogLines(home)).length;
      await writeOptions(bench.store, form === "file" ? options : {});
      await bootWith(bench, [form === "file" ? plugin : [plugin, options]]);
      expect(await messageStatus(bench.host, bench.part)).toBe(500);
      await signOfLife(bench.host);
      if (says !== null) await waitForPluginLog(home, known, ...says);
      else if (form === "file") {
        await sleep(300);
        expect(await pluginLogLines(home)).toEqual([]);
      }
    }
  }
  expect(await withoutBoots(bench)).toEqual(before);
  await writeOptions(bench.store, PATIENT);
}

/** 1.0, 1.1 and 1.2 refuse a config with `["plugin", {options}]` in it. */
function tuplesWork(version: HostVersion): boolean {
  return !isJsonHost(version) && version !== "1.2.27";
}

async function filePlugin(bench: Bench): Promise<void> {
  const { home } = bench.store;
  const known = (await pluginLogLines(home)).length;
  await writeFile(bench.config, "{}");
  await restart(bench, { plugins: [pathToFileURL(join(distribution.directory, "dist", "server.js")).href] });
  await loadsMended(bench, bench.part, "the file plugin");
  const toast = await pluginToast(bench.host);

  expect(await bench.host.get(`/session/${bench.message.sessionID}/message`)).toEqual({
    status: 200,
    body: records(bench, bench.message).filter(
      (each) => mended(home.version) === "recovered" || each.info.id !== bench.message.recordID,
    ),
  });
  const list = await bench.host.get("/session");
  expect(list.status).toBe(200);
  const target = damageable(bench.store, isJsonHost(home.version) ? "session" : "session.summary_diffs");
  const healthy = bench.healthy.get(target.asked);
  if (!healthy) throw new Error("that session was not asked about in the beginning");
  expect(list).toEqual(target.without(healthy).list);

  const manifests = await manifestsOf(bench.store);
  const runIDs = new Set(manifests.map((manifest) => manifest.runID));
  expect(runIDs.size).toBe(1);
  for (const victim of victims(bench)) {
    const manifest = manifests.find((each) => each.sessionID === victim.sessionID);
    expect(manifest).toMatchObject({
      trigger: "preload",
      state: "done",
      host: { version: home.version },
      tool: { name: PACKAGE_NAME, version: distribution.version },
    });
    expect(manifest?.items[0]?.recordID).toBe(victim.recordID);
  }
  const words = [
    ...runIDs,
    "empty",
    "truncated",
    "malformed",
    "preload",
    ...victims(bench).map((each) => each.recordID),
  ];
  const line = await waitForPluginLog(home, known, ...words);
  for (const { sessionID } of victims(bench)) expect(line).toMatch(new RegExp(`${sessionID}"?[:=]200`));
  expect(toast.message).toContain(mended(home.version));
  for (const secret of contents(bench)) expect(`${line}\n${JSON.stringify(toast)}`).not.toContain(secret);
  expect(unexpectedOutput(bench.host)).toBe("");
}

async function respectedRestore(bench: Bench): Promise<void> {
  const { store } = bench;
  await bench.host.stop();
  const [first] = await manifestsOf(store);
  const tool = await toolFor(store.dataDir);
  const restored = await tool.restore(first?.runID ?? "");
  expect(restored.items.map((item) => item.action)).toEqual(restored.items.map(() => "restored"));
  const added = await damagedPart(bench, "child");
  await writeFile(bench.config, JSON.stringify({ plugin: [byName()] }));
  await restart(bench, { env: { npm_config_registry: distribution.registry.url } });
  await loadsMended(bench, added, byName());
  const cached = await readdir(join(store.home.root, "cache", "opencode"), { recursive: true });
  expect(cached.some((path) => path.endsWith(join("node_modules", PACKAGE_NAME, "package.json")))).toBe(true);

  const later = await damagedLater(bench);
  for (const victim of [bench.part, bench.message]) expect(await messageStatus(bench.host, victim)).toBe(500);
  const manifests = await manifestsOf(store);
  expect(manifests.filter(({ runID }) => runID === first?.runID).map(({ state }) => state)).toEqual(
    victims(bench).map(() => "restored"),
  );
  const others = manifests.filter(({ runID }) => runID !== first?.runID);
  expect(others.flatMap(({ items }) => items.map((item) => item.recordID)).sort()).toEqual(
    [added.recordID, later.recordID].sort(),
  );
  expect(unexpectedOutput(bench.host)).toBe("");
}

function byName(): string {
  return `${PACKAGE_NAME}@${distribution.version}`;
}

async function otherForms(bench: Bench): Promise<void> {
  const { home } = bench.store;
  const { directory, tarball } = distribution;
  const isNewest = home.version === "1.18.33";
  const plugins: NonNullable<HostSettings["plugins"]> = [
    pathToFileURL(directory).href,
    ...(tuplesWork(home.version) ? ([[byName(), PATIENT]] as const) : []),
    ...(isNewest || IS_WHOLE ? [directory] : []),
    // Every version from 1.0 on can also install the package in this form.
    ...(isNewest && IS_WHOLE ? [`${PACKAGE_NAME}@file:${tarball}`] : []),
  ];
  for (const plugin of plugins) {
    const victim = await damagedPart(bench, "forked");
    await bootWith(bench, [plugin]);
    await loadsMended(bench, victim, JSON.stringify(plugin));
    expect(await isLoaded(bench)).toBe(true);
  }
  const folder = join(home.configDir, "plugin");
  await mkdir(folder);
  const entry = pathToFileURL(join(directory, "dist", "server.js")).href;
  await writeFile(join(folder, "session-repair.js"), `export { default } from ${JSON.stringify(entry)};\n`);
  const victim = await damagedPart(bench, "forked");
  await bootWith(bench, []);
  await loadsMended(bench, victim, "a file in the plugin folder");
  expect(await isLoaded(bench)).toBe(true);
  await rm(folder, { recursive: true });
  expect(unexpectedOutput(bench.host)).toBe("");
}

/** Whether opencode has loaded the plugin, and with it the command `repair`. */
async function isLoaded({ host }: Bench): Promise<boolean> {
  const { body } = await host.get("/command");
  return (body as readonly { name: string }[]).some(({ name }) => name === "repair");
}

/**
 * Checks that opencode answers as without the plugin if the quarantine folder cannot be made, because a file is in its
 * place.
 */
async function unwritableQuarantine(bench: Bench): Promise<void> {
  await bootWith(bench, []);
  expect(await isLoaded(bench)).toBe(false);
  const quarantine = join(bench.store.dataDir, "quarantine");
  // The plugin of the last boot may still be working, and may make the folder again before the file is written.
  const isExchanged = async () => {
    await nobodyRepairs(bench);
    await rm(quarantine, { recursive: true });
    return writeFile(quarantine, "in the way").then(
      () => true,
      () => false,
    );
  };
  await until(isExchanged, "the folder never became a file");
  const victim = await damagedPart(bench, "aborted");
  const known = (await pluginLogLines(bench.store.home)).length;
  await bootWith(bench, [pathToFileURL(join(distribution.directory, "dist", "server.js")).href]);
  expect(await messageStatus(bench.host, victim)).toBe(500);
  expect((await bench.host.get(`/session/${bench.store.sessions.empty.id}/message`)).status).toBe(200);
  await signOfLife(bench.host);
  await waitForPluginLog(bench.store.home, known, victim.recordID);
  expect(await readFile(quarantine, "utf8")).toBe("in the way");
  expect(unexpectedOutput(bench.host)).toBe("");
}

/**
 * Checks that damage after the start is found while opencode runs. If a JSON host loads the damaged session first, the
 * plugin makes it wait.
 */
async function damagedLater(bench: Bench): Promise<RecordPlace> {
  const later = await damagedPart(bench, "compacted");
  if (isJsonHost(bench.store.home.version)) expect(await messageStatus(bench.host, later)).toBe(200);
  const isMended = async () => (await messageStatus(bench.host, later)) === 200;
  await until(isMended, "what was damaged later stays damaged", ASK_EVERY_MS);
  await nobodyRepairs(bench);
  return later;
}
