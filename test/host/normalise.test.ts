import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { RULES } from "../../plugin/remedies/complete/catalogue.ts";
import { IS_WHOLE } from "../process/whole.ts";
import { LEGACY_RECORDS, UNANSWERED } from "../remedies/complete/damages.ts";
import type { LegacyRecord } from "../remedies/complete/legacy-record.ts";
import { type HostVersion, LINE_HOSTS, minorOf } from "./binary.ts";
import { Rows } from "./healthy-rows.ts";
import { removeHomes } from "./home.ts";
import { openDatabase } from "./record-place.ts";
import { type Answer, type RunningHost, startHost } from "./running-host.ts";
import { storeImage } from "./store-image.ts";
import { type RealStore, realStore } from "./stored-fixture.ts";
import { blockingOf, type Tool, toolFor, trustedManifest } from "./tool.ts";

/** The first version with each set of schema rules, and the versions that other tests use. */
const VERSIONS: readonly HostVersion[] = ["1.14.48", "1.15.13", ...LINE_HOSTS.filter((each) => minorOf(each) >= 17)];

/**
 * Rules that requests to a running opencode cannot test. They concern JSON files, opencode's own start, and its screen
 * (test/terminal/screen.test.ts).
 */
const ELSEWHERE = ["own-id", "project-sandboxes", "project-vcs", "text-on-screen", "answer-on-screen"];

/** opencode's answers, by the path of the request. */
type Answers = ReadonlyMap<string, Answer>;

interface Bench {
  readonly store: RealStore;
  readonly host: RunningHost;
  readonly tool: Tool;
  readonly healthy: Answers;
}

afterAll(removeHomes);

test("every rule is tried on real hosts", () => {
  const tried = LEGACY_RECORDS.flatMap(({ rules }) => rules);
  expect(RULES.map(({ name }) => name).filter((name) => !tried.includes(name) && !ELSEWHERE.includes(name))).toEqual(
    [],
  );
});

for (const version of VERSIONS) {
  describe(`opencode ${version}`, () => {
    let bench: Bench;

    beforeAll(async () => {
      const store = await realStore(version);
      forgetEvents(store);
      const host = await startHost({ home: store.home, config: { snapshot: false } });
      bench = { store, host, tool: await toolFor(store.dataDir), healthy: await answersOf(host, store.sessionIDs) };
    });

    afterAll(async () => {
      await bench?.host.stop();
      await bench?.store.home.remove();
    });

    for (const record of recordsFor(version)) {
      test(record.name, () => completes(bench, record));
    }

    for (const { name, change } of UNANSWERED) {
      test(`${name} stays as it is`, async () => {
        using rows = new Rows(bench.store);
        change(rows);
        const before = await storeImage(bench.store.dataDir, []);
        const checked = await bench.tool.check();
        expect(blockingOf(checked).map(({ remedy }) => remedy)).toEqual(["report"]);
        expect((await bench.tool.repair(undefined, checked.findings)).items).toEqual([]);
        expect(await storeImage(bench.store.dataDir, [])).toEqual(before);
      });
    }

    test("a part of an unknown type leaves its session if its fault is named, and comes back to the byte", () =>
      leavesIfNamed(bench));

    test("everything is as it was in the beginning", async () => {
      expect(await answersOf(bench.host, bench.store.sessionIDs)).toEqual(bench.healthy);
    });
  });
}

/**
 * The records that are tried on a version. The versions take turns. A record that only 1.18.33 refuses is tried on
 * 1.18.33.
 */
function recordsFor(version: HostVersion): readonly LegacyRecord[] {
  const refused = LEGACY_RECORDS.filter((record) => isRefusedBy(version, record));
  if (IS_WHOLE) return refused;
  // Most users have the newest version, so it gets every second record.
  const turns = ["1.18.33", "1.14.48", "1.18.33", "1.15.13"] as const;
  return refused.filter((record) => {
    const turn = turns[LEGACY_RECORDS.indexOf(record) % turns.length];
    return version === (turn !== undefined && isRefusedBy(turn, record) ? turn : "1.18.33");
  });
}

/**
 * Whether this version refuses the record. 1.15 accepts any text as a folder, and 1.14.48 has no column for the cost of
 * a session.
 */
function isRefusedBy(version: HostVersion, { name }: LegacyRecord): boolean {
  if (name.startsWith("a folder that is a URL")) return minorOf(version) >= 17;
  return name !== "a session's cost that is a text" || minorOf(version) >= 15;
}

/**
 * Checks that opencode refuses the record before the repair and accepts it afterwards, and that only the reported
 * fields differ. A second repair must do nothing, and an undo must restore every byte.
 */
async function completes(
  { store, host, tool, healthy }: Bench,
  { rules, change, differs }: LegacyRecord,
): Promise<void> {
  using rows = new Rows(store);
  change(rows);
  try {
    const before = await storeImage(store.dataDir, []);
    const damaged = rows.changedSessions();
    const refused = await answersOf(host, damaged);
    expect([...refused.values()].some(({ status }) => status === 400 || status === 500)).toBe(true);
    const checked = await tool.check();
    const found = blockingOf(checked);
    expect(new Set(found.map(({ remedy }) => remedy))).toEqual(new Set(["normalise"]));
    for (const rule of rules) expect(found.map(({ replacement }) => replacement?.source ?? "").join()).toContain(rule);

    const result = await tool.repair(undefined, checked.findings);
    expect(result.stopped).toBeNull();
    expect(new Set(result.items.map(({ action }) => action))).toEqual(new Set(["normalised"]));
    for (const manifest of result.manifests) await trustedManifest(manifest);
    const answers = await answersOf(host, new Set([...damaged, ...rows.changedSessions()]));
    const asked = [...answers.keys()];
    expect([...answers.values()].map(({ status }) => status)).toEqual(asked.map(() => 200));
    const found2 = asked.flatMap((path) => [...differences([healthy.get(path)?.body], [answers.get(path)?.body])]);
    const unsaid = found2.filter(
      (path) => !(differs ?? []).some((said) => path === said || path.startsWith(`${said}.`)),
    );
    expect(unsaid).toEqual([]);

    const again = await tool.check();
    expect(blockingOf(again)).toEqual([]);
    expect((await tool.repair(undefined, again.findings)).runID).toBeNull();
    const restored = await tool.restore(result.runID ?? "");
    expect(new Set(restored.items.map(({ action }) => action))).toEqual(new Set(["restored"]));
    expect(await storeImage(store.dataDir, [])).toEqual(before);
  } finally {
    await rm(join(store.dataDir, "quarantine"), { recursive: true, force: true });
  }
}

/** Checks that the session opens after one part was quarantined, and that only this part is missing. */
async function leavesIfNamed({ store, host, tool, healthy }: Bench): Promise<void> {
  using rows = new Rows(store);
  rows.part("text", () => ({ type: "hologram" }));
  try {
    const before = await storeImage(store.dataDir, []);
    const damaged = rows.changedSessions();
    expect([...(await answersOf(host, damaged)).values()].some(({ status }) => status === 400)).toBe(true);
    const { findings } = await tool.check();
    const result = await tool.repair(["schema-mismatch"], findings);
    expect(result.items.map(({ kind, action }) => `${kind} ${action}`)).toEqual(["part quarantined"]);
    const answers = await answersOf(host, damaged);
    for (const [path, { status, body }] of answers) {
      expect(status).toBe(200);
      const partsOf = (answer: unknown) => (answer as { parts: unknown[] }[]).flatMap(({ parts }) => parts);
      if (path.endsWith("/message")) expect(partsOf(body)).toHaveLength(partsOf(healthy.get(path)?.body).length - 1);
    }
    expect(blockingOf(await tool.check())).toEqual([]);
    await tool.restore(result.runID ?? "");
    expect(await storeImage(store.dataDir, [])).toEqual(before);
  } finally {
    await rm(join(store.dataDir, "quarantine"), { recursive: true, force: true });
  }
}

/**
 * Deletes opencode's log, so that no record can be recovered. A missing value can then only be derived from other rows.
 */
function forgetEvents(store: RealStore): void {
  const database = openDatabase(store);
  database.run("delete from event");
  database.close();
}

async function answersOf(host: RunningHost, sessionIDs: Iterable<string>): Promise<Answers> {
  const paths = ["/session", ...[...sessionIDs].flatMap((id) => [`/session/${id}`, `/session/${id}/message`])];
  return new Map(await Promise.all(paths.map(async (path) => [path, await host.get(path)] as const)));
}

/**
 * The fields of a record in which two answers differ, such as `state.title`. If the second answer has one more record,
 * the result is `a part more`.
 */
function* differences(before: unknown, after: unknown, path = ""): Iterable<string> {
  if (JSON.stringify(before) === JSON.stringify(after)) return;
  if (Array.isArray(before) && Array.isArray(after) && !isInRecord(path)) {
    if (before.length !== after.length) {
      yield after.length === before.length + 1 ? "a part more" : "another number of records";
      return;
    }
    for (const index of before.keys()) yield* differences(before[index], after[index], "");
  } else if (isObject(before) && isObject(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      const isWrapper = path === "" && (key === "info" || key === "parts");
      yield* differences(before[key], after[key], isWrapper ? "" : path === "" ? key : `${path}.${key}`);
    }
  } else yield path;
}

function isInRecord(path: string): boolean {
  return path !== "";
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
