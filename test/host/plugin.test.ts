import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { type Manifest, nodeFileSystem, storedRuns } from "../../plugin/api.ts";
import { type InstalledPackage, installPackage, PACKAGE_NAME } from "../package/installed.ts";
import { packedPackage } from "../package/packed.ts";
import { type LoopbackRegistry, startRegistry } from "../package/registry.ts";
import { ASK_EVERY_MS, until } from "../process/until.ts";
import { IS_WHOLE } from "../process/whole.ts";
import { type HostVersion, isJsonHost, LINE_HOSTS, mended } from "./binary.ts";
import { DAMAGES, type Damage } from "./damage.ts";
import { damageable, fillColumns } from "./damageable.ts";
import { removeHomes } from "./home.ts";
import { pluginLogLines, pluginToast, waitForPluginLog } from "./host-log.ts";
import { filePlace, type RecordPlace, rowPlace } from "./record-place.ts";
import { type HostSettings, type RunningHost, startHost } from "./running-host.ts";
import { askAbout, opens, type SessionAnswers } from "./session-answers.ts";
import type { SessionName } from "./sessions.ts";
import { type StoreImage, storeImage } from "./store-image.ts";
import { PATIENT, type RealStore, realStore } from "./stored-fixture.ts";
import { toolFor, trustedManifest } from "./tool.ts";

/** The package as npm installs it, and a registry that has it. */
interface Distribution extends InstalledPackage {
  readonly tarball: string;
  readonly registry: LoopbackRegistry;
}

/** A store with three damaged sessions, and what the host answered for them before the damage. */
interface Bench {
  readonly store: RealStore;
  /** A config file that hosts read again whenever an instance boots; the global one they keep in memory. */
  readonly config: string;
  readonly healthy: ReadonlyMap<string, SessionAnswers>;
  /** Sessions with a damaged part, a damaged message and a damaged session record. */
  readonly part: RecordPlace;
  readonly message: RecordPlace;
  readonly session: RecordPlace;
  /** Ids of the parts that were emptied since. */
  readonly spent: Set<string>;
  host: RunningHost;
}

/** They load plugins as 1.1.65 does, or (1.14.41) as 1.18.33: one of each is enough for every form. */
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

async function setUp(version: HostVersion): Promise<Bench> {
  const store = await realStore(version);
  if (!isJsonHost(version)) fillColumns(store);
  const config = join(store.home.root, "extra-config.json");
  await writeFile(config, "{}");
  await writeOptions(store, PATIENT);
  const host = await start(store, config);
  const places = {
    part: damageable(store, "part").place,
    message: messagePlace(store),
    session: damageable(store, isJsonHost(version) ? "session" : "session.summary_diffs").place,
  };
  const healthy = new Map<string, SessionAnswers>();
  for (const id of store.sessionIDs) healthy.set(id, await askAbout(host, id));
  await places.part.damage(damageCalled("zero bytes"));
  await places.message.damage(damageCalled("truncated"));
  await places.session.damage(damageCalled("malformed"));
  return { store, config, healthy, host, spent: new Set(), ...places };
}

function start(store: RealStore, config: string, settings: Omit<HostSettings, "home"> = {}): Promise<RunningHost> {
  return startHost({ home: store.home, ...settings, env: { OPENCODE_CONFIG: config, ...settings.env } });
}

async function restart(bench: Bench, settings: Omit<HostSettings, "home"> = {}): Promise<void> {
  await bench.host.stop();
  bench.host = await start(bench.store, bench.config, settings);
}

/** Boots the project's instance again with these plugins, as a restart of opencode would, in the same process. */
async function bootWith(bench: Bench, plugins: NonNullable<HostSettings["plugins"]>): Promise<void> {
  await writeFile(bench.config, JSON.stringify({ plugin: plugins }));
  expect((await bench.host.post("/instance/dispose")).status).toBe(200);
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
    // What options say is read in one place, wherever they stand.
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
    // Every host from 1.0 on installs it in this form too.
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

/** Whether the project was booted with the plugin: it gives opencode its command. */
async function isLoaded({ host }: Bench): Promise<boolean> {
  const { body } = await host.get("/command");
  return (body as readonly { name: string }[]).some(({ name }) => name === "repair");
}

/** The folder that every repair needs is a file: the host answers as without the plugin. */
async function unwritableQuarantine(bench: Bench): Promise<void> {
  await bootWith(bench, []);
  expect(await isLoaded(bench)).toBe(false);
  const quarantine = join(bench.store.dataDir, "quarantine");
  // The plugin of the boot before may still be at work, and make the folder again before the file is there.
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

/** What is damaged after the start is found while opencode runs; JSON hosts are kept waiting when they load it first. */
async function damagedLater(bench: Bench): Promise<RecordPlace> {
  const later = await damagedPart(bench, "compacted");
  if (isJsonHost(bench.store.home.version)) expect(await messageStatus(bench.host, later)).toBe(200);
  const isMended = async () => (await messageStatus(bench.host, later)) === 200;
  await until(isMended, "what was damaged later stays damaged", ASK_EVERY_MS);
  await nobodyRepairs(bench);
  return later;
}

function nobodyRepairs({ store }: Bench): Promise<void> {
  return until(() => !existsSync(join(store.dataDir, "quarantine", ".lock")), "the lock is never released");
}

/** For every host; from 1.14 on they may stand in opencode.json as well. */
function writeOptions(store: RealStore, options: Readonly<Record<string, unknown>>): Promise<void> {
  return writeFile(join(store.home.configDir, "session-repair.json"), JSON.stringify(options));
}

function victims(bench: Bench): readonly RecordPlace[] {
  return [bench.part, bench.message, bench.session];
}

function damageCalled(name: string): Damage {
  const damage = DAMAGES.find((each) => each.name === name);
  if (!damage) throw new Error(`no damage is called ${name}`);
  return damage;
}

function messagePlace(store: RealStore): RecordPlace {
  const { id: sessionID, messages } = store.sessions.conversation;
  const recordID = messages[1]?.id ?? "";
  const identity = { kind: "message" as const, sessionID, recordID };
  return isJsonHost(store.home.version)
    ? filePlace(store, identity, `storage/message/${sessionID}/${recordID}.json`)
    : rowPlace(store, identity, "message", "data");
}

/** Empties one more part of the first of these sessions that still has a whole one. */
async function damagedPart(bench: Bench, ...sessions: readonly SessionName[]): Promise<RecordPlace> {
  const { store, spent } = bench;
  for (const { id: sessionID, messages } of sessions.map((name) => store.sessions[name])) {
    for (const { id: messageID, parts } of messages) {
      for (const { id: recordID } of parts.filter((part) => !spent.has(part.id))) {
        spent.add(recordID);
        const identity = { kind: "part" as const, sessionID, recordID };
        const place = isJsonHost(store.home.version)
          ? filePlace(store, identity, `storage/part/${messageID}/${recordID}.json`)
          : rowPlace(store, identity, "part", "data");
        await place.damage(damageCalled("zero bytes"));
        return place;
      }
    }
  }
  throw new Error(`every part of ${sessions.join(", ")} is damaged already`);
}

interface WireMessage {
  readonly info: { readonly id: string };
  readonly parts: readonly { readonly id: string; readonly text?: string }[];
}

/** What the host answered for the place's session before the damage. */
function records({ healthy }: Bench, { sessionID }: RecordPlace): readonly WireMessage[] {
  return (healthy.get(sessionID ?? "")?.messages.body ?? []) as readonly WireMessage[];
}

/** The host's answer for the place's session is 200, with everything in it, or everything but the emptied parts. */
async function loadsMended(bench: Bench, place: RecordPlace, loadedAs: string): Promise<void> {
  const { status, body } = await bench.host.get(`/session/${place.sessionID}/message`);
  expect({ loadedAs, status }).toEqual({ loadedAs, status: 200 });
  expect(body).toEqual(mendedParts(bench, place));
}

function mendedParts(bench: Bench, place: RecordPlace): readonly WireMessage[] {
  const isRecovered = mended(bench.store.home.version) === "recovered";
  const gone = new Set(isRecovered ? [] : [...bench.spent, place.recordID]);
  return records(bench, place).map((each) => ({ ...each, parts: each.parts.filter(({ id }) => !gone.has(id)) }));
}

async function messageStatus(host: RunningHost, { sessionID }: RecordPlace): Promise<number> {
  return (await host.get(`/session/${sessionID}/message`)).status;
}

/** Everything in the store but what each boot writes: the time in the project's record, which may be on its way. */
async function withoutBoots({ store }: Bench): Promise<StoreImage> {
  const image = await storeImage(store.dataDir, ["project.time_updated"]);
  const written = [join("storage", "project"), ".session-repair-writes"];
  return Object.fromEntries(Object.entries(image).filter(([name]) => !written.some((each) => name.startsWith(each))));
}

/** Every manifest in quarantine; of runs that still hold something, every byte was looked at. */
async function manifestsOf({ dataDir }: RealStore): Promise<readonly Manifest[]> {
  const runs = await storedRuns(nodeFileSystem, dataDir);
  return Promise.all(
    runs.map(async (run) => {
      if (!run.ok) throw new Error(run.problem);
      return run.manifest.state === "done" ? trustedManifest(join(run.folder, "manifest.json")) : run.manifest;
    }),
  );
}

/** What the plugin waits for before it shows a toast. */
async function signOfLife(host: RunningHost): Promise<void> {
  await host.post("/tui/show-toast", { message: "The terminal UI is here.", variant: "info" });
}

/** What people wrote and were told, and where their files are. */
function contents({ store, healthy }: Bench): readonly string[] {
  const texts = [...healthy.values()].flatMap(({ info, messages }) => [
    (info.body as { title: string }).title,
    ...(messages.body as readonly WireMessage[]).flatMap(({ parts }) => parts.flatMap(({ text }) => text ?? [])),
  ]);
  return [store.project, store.home.root, ...texts.filter((text) => text.length >= 8)];
}

/** What the host printed, but for what it prints without the plugin as well. */
function unexpectedOutput(host: RunningHost): string {
  const known = /^(Warning: OPENCODE_SERVER_PASSWORD .*|opencode server listening .*|(GET|POST) - .* failed|)$/;
  const lines = `${host.stdout()}\n${host.stderr()}`.split("\n");
  return lines.filter((line) => !known.test(line)).join("\n");
}
