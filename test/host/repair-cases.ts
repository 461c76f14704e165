import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { RepairResult } from "../../plugin/api.ts";
import { locatorText } from "../../plugin/model/artifact.ts";
import { askCli } from "../command-line/cli-service.ts";
import { type HostVersion, isJsonHost } from "./binary.ts";
import { type Damage, ZERO_BYTES } from "./damage.ts";
import { type Damageable, damageable, damageableNames, damagesOf, fillColumns } from "./damageable.ts";
import { removeHomes } from "./home.ts";
import { type HostVerdict, hostVerdict } from "./load-path.ts";
import { openDatabase } from "./record-place.ts";
import { type Answer, type HostSettings, type RunningHost, startHost } from "./running-host.ts";
import { askAbout, askFailing, opens, type SessionAnswers, statusesOf } from "./session-answers.ts";
import { storeImage } from "./store-image.ts";
import { type RealStore, realStore } from "./stored-fixture.ts";
import { AS_IT_IS, STRAYS } from "./stray.ts";
import { blockingOf, quarantineEntries, type Tool, toolFor, trustedManifest } from "./tool.ts";

/** Each boot of a project writes this column. */
const WRITTEN_AT_BOOT = ["project.time_updated"];

interface Bench {
  readonly store: RealStore;
  /** {@link bootAnew} may replace it by a new process. */
  host: RunningHost;
  /** Whether opencode failed when it last started to work in the project. */
  isKeptOut: boolean;
  readonly tool: Tool;
  readonly healthy: Map<string, SessionAnswers>;
}

/**
 * Tests every damage to every kind of record of one opencode version: check, repair, answers and undo. One opencode
 * process serves all tests. Each test file has only one or two versions, so that no file takes much longer than the
 * others.
 */
export function repairsOn(version: HostVersion): void {
  describe(`opencode ${version}`, () => {
    let bench: Bench;

    beforeAll(async () => {
      bench = await setUp(version);
    });

    afterAll(async () => {
      await bench?.host.stop();
      await removeHomes();
    });

    for (const name of damageableNames(version)) {
      for (const damage of damagesOf(version, name)) {
        test(`${name} with ${damage.name}`, () => oneDamage(bench, damageable(bench.store, name), damage));
      }
    }

    for (const { name, target } of isJsonHost(version) ? STRAYS : []) {
      test(`stray file ${name}`, () => oneDamage(bench, target(bench.store), AS_IT_IS));
    }

    test("many damages at once, from the command line", () => commandLine(bench));

    test("everything is as it was in the beginning", async () => {
      const verdict = await hostVerdict(bench.host, bench.store.sessionIDs);
      expect(verdict.sessions.filter((session) => !session.loads)).toEqual([]);
      expect(blockingOf(await bench.tool.check())).toEqual([]);
    });
  });
}

async function setUp(version: HostVersion): Promise<Bench> {
  const store = await realStore(version);
  if (!isJsonHost(version)) {
    fillColumns(store);
    forgetEvents(store);
  }
  const host = await startHost(hostSettings(store));
  await host.get("/session");
  return { store, host, isKeptOut: false, tool: await toolFor(store.dataDir), healthy: new Map() };
}

/**
 * Users delete the log to save space, and then no record can be recovered from it. test/recovery has stores with the
 * log.
 */
function forgetEvents(store: RealStore): void {
  using database = openDatabase(store);
  const hasLog = database.query("select 1 from sqlite_master where name = 'event'").get() !== null;
  if (hasLog) database.run("delete from event");
}

function hostSettings({ home }: RealStore): HostSettings {
  return { home, config: { snapshot: false } };
}

/**
 * Makes opencode read records again that it reads only when it starts to work in a project. If opencode failed to start
 * in the project, the next request makes it try again. 1.1.65 may then fail until its process ends. So the process is
 * started again, as a user would do.
 */
async function bootAnew(bench: Bench): Promise<void> {
  const { host, isKeptOut } = bench;
  bench.isKeptOut = false;
  const { status } = isKeptOut ? await host.get("/session") : await host.post("/instance/dispose");
  if (status === 200) return;
  await bench.host.stop();
  bench.host = await startHost(hostSettings(bench.store));
}

/** opencode's answers about a record. opencode reads the record again for them. */
async function askNow(bench: Bench, { asked, boot }: Damageable): Promise<SessionAnswers> {
  if (boot !== "ignores") await bootAnew(bench);
  const answers = await askAbout(bench.host, asked);
  bench.isKeptOut = boot !== "ignores" && answers.list.status !== 200;
  return answers;
}

/**
 * Tests one damage. First, `check` must agree with opencode's answer. If opencode cannot load the record, the record is
 * quarantined, and the session opens with everything else unchanged. A second repair does nothing. An undo restores
 * every byte, and opencode's error returns.
 */
async function oneDamage(bench: Bench, target: Damageable, damage: Damage): Promise<void> {
  const { store, tool } = bench;
  const { place, asked, boot } = target;
  const healthy = await healthyAnswers(bench, target);
  await place.damage(damage);
  try {
    // A boot may rewrite the records that it reads. So if a boot is needed, the check comes first. Otherwise both run
    // at the same time.
    const checking = tool.check();
    if (boot !== "ignores") await checking;
    const damaged = await askNow(bench, target);
    const findings = blockingOf(await checking);
    const fails = !opens(damaged, asked);
    const told = findings.map(({ kind, sessionID, recordID, locator }) => ({ kind, sessionID, recordID, locator }));
    const { kind, sessionID, recordID, locator } = place;
    expect({ statuses: statusesOf(damaged), told }).toEqual({
      statuses: statusesOf(damaged),
      told: fails ? [{ kind, sessionID, recordID, locator }] : [],
    });
    if (boot === "rewrites") {
      await place.heal();
      await place.damage(damage);
    }
    const before = await storeImage(store.dataDir, WRITTEN_AT_BOOT);
    if (!fails) return;
    if (damage.code !== null) expect(findings[0]?.code).toBe(damage.code);
    // Readable records with a wrong form inside have their own tests. Here, it is enough that they are reported.
    else if (findings[0]?.remedy === "report") return;

    const repaired = await tool.repairUnasked();
    expect(repaired.stopped).toBeNull();
    expectSame(await askNow(bench, target), target.without(healthy));
    await manifestTells(bench, target, repaired.manifests);

    const kept = await quarantineEntries(store.dataDir);
    expect(kept.tooOpen).toEqual([]);
    expect(await tool.repair()).toEqual({ runID: null, manifests: [], items: [], stopped: null });
    expect((await quarantineEntries(store.dataDir)).all).toEqual(kept.all);

    if (boot === "rewrites") await expectNothingOverwritten(bench, repaired);
    const restored = await tool.restore(repaired.runID ?? "");
    expect(restored.items.map((item) => item.action)).toEqual(repaired.items.map(() => "restored"));
    expect(await storeImage(store.dataDir, WRITTEN_AT_BOOT)).toEqual(before);
    // Some records are only read when opencode boots the project. A boot takes long, so this is tested with only one
    // damage of each such record.
    if (boot === "ignores") expect(await askFailing(bench.host, asked, damaged)).toEqual(statusesOf(damaged));
    else if (damage === ZERO_BYTES) expect(statusesOf(await askNow(bench, target))).toEqual(statusesOf(damaged));
  } finally {
    await place.heal();
    await rm(join(store.dataDir, "quarantine"), { recursive: true, force: true });
    if (boot !== "ignores") await settledAnew(bench);
  }
}

/**
 * After an undo, opencode may be outside of its damaged project. It must first boot the project again before it can
 * leave the project.
 */
async function settledAnew(bench: Bench): Promise<void> {
  await bootAnew(bench);
  await bench.host.get("/session");
}

/**
 * Checks that a restore does not overwrite a record that opencode has written in the same place. Then removes that
 * record, as a user could.
 */
async function expectNothingOverwritten({ store, tool }: Bench, repaired: RepairResult): Promise<void> {
  const before = await storeImage(store.dataDir);
  const refused = await tool.restore(repaired.runID ?? "");
  expect(refused.items.map((item) => item.action)).toEqual(repaired.items.map(() => "skipped"));
  expect(await storeImage(store.dataDir)).toEqual(before);
  await rm(join(store.dataDir, `storage/project/${store.projectID}.json`));
}

async function healthyAnswers(bench: Bench, target: Damageable): Promise<SessionAnswers> {
  const known = bench.healthy.get(target.asked);
  if (known) return known;
  const answers = await askNow(bench, target);
  expect(opens(answers, target.asked)).toBe(true);
  bench.healthy.set(target.asked, answers);
  return answers;
}

/** Compares the answers. Of an error, only the status must be equal. */
function expectSame(answers: SessionAnswers, wanted: SessionAnswers): void {
  expect(statusesOf(answers)).toEqual(statusesOf(wanted));
  for (const [route, answer] of Object.entries(wanted) as [keyof SessionAnswers, Answer][]) {
    if (answer.status === 200) expect({ route, ...answers[route] }).toEqual({ route, ...answer });
  }
}

/**
 * The manifest exists, matches its files, and names the record. If a message row was moved, its parts were moved too.
 */
async function manifestTells({ store }: Bench, target: Damageable, manifests: readonly string[]): Promise<void> {
  const { place } = target;
  expect(manifests).toHaveLength(1);
  const manifest = await trustedManifest(manifests[0] ?? "");
  expect(manifest).toMatchObject({ state: "done", sessionID: place.sessionID, trigger: "cli" });
  const [first, ...others] = manifest.items;
  expect(first && locatorText(first.locator)).toBe(locatorText(place.locator));
  const message = store.sessions.plain.messages.find((each) => each.id === place.recordID);
  const along = place.isRow && place.kind === "message" ? (message?.parts ?? []) : [];
  expect(others.map((item) => item.recordID).sort()).toEqual(along.map((part) => part.id).sort());
}

interface CheckDocument {
  readonly findings: readonly { readonly severity: string; readonly recordID: string | null }[];
  readonly verdict: string;
}

interface ChangeDocument {
  readonly runID: string | null;
  readonly items: readonly { readonly action: string }[];
  readonly manifests: readonly string[];
  readonly verdict: string;
}

/** Tests the same steps with the command line, as a user does: check, repair, repair again, restore. */
async function commandLine({ store, host, tool }: Bench): Promise<void> {
  const { dataDir } = store;
  const cli = async <T>(...args: string[]): Promise<{ code: number | null; answer: T }> => {
    const { code, stdout } = await askCli([...args, "--data-dir", dataDir, "--json"]);
    return { code, answer: JSON.parse(stdout) as T };
  };
  const healthy = await hostVerdict(host, store.sessionIDs);
  const targets = damageableNames(store.home.version).map((name) => damageable(store, name));
  for (const { place } of targets) await place.damage(ZERO_BYTES);
  try {
    const before = await storeImage(dataDir, WRITTEN_AT_BOOT);
    const damaged = await hostVerdict(host, store.sessionIDs);
    expect(damaged.healthy).toBe(false);
    const checked = await cli<CheckDocument>("check");
    expect({ code: checked.code, verdict: checked.answer.verdict }).toEqual({ code: 1, verdict: "damaged" });

    const unconfirmed = await cli<ChangeDocument>("repair");
    expect({ code: unconfirmed.code, runID: unconfirmed.answer.runID }).toEqual({ code: 1, runID: null });
    expect((await quarantineEntries(dataDir)).all).toEqual([]);
    expect(await storeImage(dataDir, WRITTEN_AT_BOOT)).toEqual(before);

    const repaired = await cli<ChangeDocument>("repair", "--yes");
    expect({ code: repaired.code, verdict: repaired.answer.verdict }).toEqual({ code: 0, verdict: "healthy" });
    for (const manifest of repaired.answer.manifests) await trustedManifest(manifest);
    const lost = targets.filter(({ place }) => place.kind === "session" && !place.isRow).map(({ asked }) => asked);
    const kept = store.sessionIDs.filter((id) => !lost.includes(id));
    const cured = await hostVerdict(host, kept);
    expect(cured.sessions.filter((session) => !session.loads)).toEqual([]);
    // If the record of a session was lost, the session is only listed again if its messages name its folder.
    expect(kept.filter((id) => !cured.listIDs.includes(id))).toEqual([]);
    expect((await hostVerdict(host, cured.listIDs)).sessions.filter((session) => !session.loads)).toEqual([]);
    const untouched = kept.filter((id) => !targets.some(({ asked }) => asked === id));
    expect(cured.sessions.filter(({ id }) => untouched.includes(id))).toEqual(
      healthy.sessions.filter(({ id }) => untouched.includes(id)),
    );

    const entries = (await quarantineEntries(dataDir)).all;
    const again = await cli<ChangeDocument>("repair", "--yes");
    expect({ code: again.code, runID: again.answer.runID, items: again.answer.items }).toEqual({
      code: 0,
      runID: null,
      items: [],
    });
    expect((await quarantineEntries(dataDir)).all).toEqual(entries);

    const restored = await cli<ChangeDocument>("restore", repaired.answer.runID ?? "", "--yes");
    expect({ code: restored.code, verdict: restored.answer.verdict }).toEqual({ code: 0, verdict: "damaged" });
    expect(restored.answer.items.map((item) => item.action)).toEqual(repaired.answer.items.map(() => "restored"));
    expect(await storeImage(dataDir, WRITTEN_AT_BOOT)).toEqual(before);
    expect(statuses(await hostVerdict(host, store.sessionIDs))).toEqual(statuses(damaged));
  } finally {
    for (const { place } of [...targets].reverse()) await place.heal();
    await rm(join(dataDir, "quarantine"), { recursive: true, force: true });
  }
  expect(blockingOf(await tool.check())).toEqual([]);
}

function statuses({ list, sessions }: HostVerdict): unknown {
  return [
    list.status,
    ...sessions.map(({ info, messages, todo, diff }) => [info, messages, todo, diff].map(({ status }) => status)),
  ];
}
