import { expect } from "bun:test";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Manifest, nodeFileSystem, storedRuns } from "../../plugin/api.ts";
import { until } from "../process/until.ts";
import { type HostVersion, isJsonHost, mended } from "./binary.ts";
import { DAMAGES, type Damage } from "./damage.ts";
import { damageable, fillColumns } from "./damageable.ts";
import { filePlace, type RecordPlace, rowPlace } from "./record-place.ts";
import { type HostSettings, type RunningHost, startHost } from "./running-host.ts";
import { askAbout, type SessionAnswers } from "./session-answers.ts";
import type { SessionName } from "./sessions.ts";
import { type StoreImage, storeImage } from "./store-image.ts";
import { PATIENT, type RealStore, realStore } from "./stored-fixture.ts";
import { trustedManifest } from "./tool.ts";

/** A store with three damaged sessions, and opencode's answers for all sessions before the damage. */
export interface Bench {
  readonly store: RealStore;
  /** A config file that opencode reads again at each boot of a project. opencode keeps its global config in memory. */
  readonly config: string;
  readonly healthy: ReadonlyMap<string, SessionAnswers>;
  /** The damaged part, message and session record. Each belongs to another session. */
  readonly part: RecordPlace;
  readonly message: RecordPlace;
  readonly session: RecordPlace;
  /** The ids of the parts that `damagedPart` emptied. */
  readonly spent: Set<string>;
  host: RunningHost;
}

export async function setUp(version: HostVersion): Promise<Bench> {
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

export async function restart(bench: Bench, settings: Omit<HostSettings, "home"> = {}): Promise<void> {
  await bench.host.stop();
  bench.host = await start(bench.store, bench.config, settings);
}

/** Boots the project again in the same process, with these plugins, as after a restart of opencode. */
export async function bootWith(bench: Bench, plugins: NonNullable<HostSettings["plugins"]>): Promise<void> {
  await writeFile(bench.config, JSON.stringify({ plugin: plugins }));
  expect((await bench.host.post("/instance/dispose")).status).toBe(200);
}

export function nobodyRepairs({ store }: Bench): Promise<void> {
  return until(() => !existsSync(join(store.dataDir, "quarantine", ".lock")), "the lock is never released");
}

/**
 * Writes the plugin's options to a file that works in every version. From 1.14 on, the options could also be in
 * opencode.json.
 */
export function writeOptions(store: RealStore, options: Readonly<Record<string, unknown>>): Promise<void> {
  return writeFile(join(store.home.configDir, "session-repair.json"), JSON.stringify(options));
}

export function victims(bench: Bench): readonly RecordPlace[] {
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

/** Empties one more part, in the first of these sessions that still has a part that was not emptied. */
export async function damagedPart(bench: Bench, ...sessions: readonly SessionName[]): Promise<RecordPlace> {
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

/** opencode's messages of this session before the damage. */
export function records({ healthy }: Bench, { sessionID }: RecordPlace): readonly WireMessage[] {
  return (healthy.get(sessionID ?? "")?.messages.body ?? []) as readonly WireMessage[];
}

/**
 * Checks that opencode loads the session. If the version has a log, nothing may be missing. Otherwise only the emptied
 * parts may be missing.
 */
export async function loadsMended(bench: Bench, place: RecordPlace, loadedAs: string): Promise<void> {
  const { status, body } = await bench.host.get(`/session/${place.sessionID}/message`);
  expect({ loadedAs, status }).toEqual({ loadedAs, status: 200 });
  expect(body).toEqual(mendedParts(bench, place));
}

function mendedParts(bench: Bench, place: RecordPlace): readonly WireMessage[] {
  const isRecovered = mended(bench.store.home.version) === "recovered";
  const gone = new Set(isRecovered ? [] : [...bench.spent, place.recordID]);
  return records(bench, place).map((each) => ({ ...each, parts: each.parts.filter(({ id }) => !gone.has(id)) }));
}

export async function messageStatus(host: RunningHost, { sessionID }: RecordPlace): Promise<number> {
  return (await host.get(`/session/${sessionID}/message`)).status;
}

/**
 * The image of the store without what each boot of opencode writes: the time in the project's record, and its
 * unfinished writes.
 */
export async function withoutBoots({ store }: Bench): Promise<StoreImage> {
  const image = await storeImage(store.dataDir, ["project.time_updated"]);
  const written = [join("storage", "project"), ".session-repair-writes"];
  return Object.fromEntries(Object.entries(image).filter(([name]) => !written.some((each) => name.startsWith(each))));
}

/** All manifests in quarantine. For each run that is not undone, the bytes of the originals are checked too. */
export async function manifestsOf({ dataDir }: RealStore): Promise<readonly Manifest[]> {
  const runs = await storedRuns(nodeFileSystem, dataDir);
  return Promise.all(
    runs.map(async (run) => {
      if (!run.ok) throw new Error(run.problem);
      return run.manifest.state === "done" ? trustedManifest(join(run.folder, "manifest.json")) : run.manifest;
    }),
  );
}

/** Sends the event for which the plugin waits before it shows a toast. */
export async function signOfLife(host: RunningHost): Promise<void> {
  await host.post("/tui/show-toast", { message: "The terminal UI is here.", variant: "info" });
}

/** Texts of the users and of the model, and paths of their files. They must not occur in logs. */
export function contents({ store, healthy }: Bench): readonly string[] {
  const texts = [...healthy.values()].flatMap(({ info, messages }) => [
    (info.body as { title: string }).title,
    ...(messages.body as readonly WireMessage[]).flatMap(({ parts }) => parts.flatMap(({ text }) => text ?? [])),
  ]);
  return [store.project, store.home.root, ...texts.filter((text) => text.length >= 8)];
}

/** The output of opencode, without the lines that opencode also prints if the plugin is not installed. */
export function unexpectedOutput(host: RunningHost): string {
  const known = /^(Warning: OPENCODE_SERVER_PASSWORD .*|opencode server listening .*|(GET|POST) - .* failed|)$/;
  const lines = `${host.stdout()}\n${host.stderr()}`.split("\n");
  return lines.filter((line) => !known.test(line)).join("\n");
}
