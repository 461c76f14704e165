import { locatorText, type RecordKind } from "../../plugin/model/artifact.ts";
import type { ConfirmedFinding } from "../../plugin/model/finding.ts";
import { type FileSystem, nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { check } from "../../plugin/repair/check.ts";
import { type Located, locate } from "../../plugin/stores/locate.ts";
import type { HostVersion } from "../host/binary.ts";
import { type RunningHost, startHost } from "../host/running-host.ts";
import { type RealStore, realStore, writerFor } from "../host/stored-fixture.ts";
import { askHost, type HostLoad } from "./host-load.ts";
import { JsonRecords } from "./json-records.ts";
import { OddFiles } from "./odd-files.ts";
import { OddRows } from "./odd-rows.ts";
import { Random } from "./random.ts";
import { SqliteRecords } from "./sqlite-records.ts";
import type { DamagedRecord, RecordStore } from "./subject.ts";

/** A mutation after which the host and `check` disagree. */
export interface Disagreement {
  readonly index: number;
  readonly what: string;
  readonly locator: string;
  readonly host: string;
  readonly check: string;
}

export interface OracleResult {
  readonly mutations: number;
  /** The number of mutations after which the host failed. */
  readonly failing: number;
  readonly disagreements: readonly Disagreement[];
}

export interface OracleInput {
  readonly version: HostVersion;
  readonly seed: number;
  readonly count: number;
  /** If given, only records of these kinds are damaged. */
  readonly kinds?: readonly RecordKind[];
  readonly onDisagreement?: (found: Disagreement) => void;
}

/** Each time after this number of mutations, the oracle asks for the whole load path and checks the undone store. */
const THOROUGH_EVERY = 250;

/**
 * Damages one record at a time of a store that a host of this version wrote. Asks the running host and `check` about
 * each damage. They agree if `check` has an error on that record, and on no other record, exactly when the host fails.
 */
export async function runOracle(input: OracleInput): Promise<OracleResult> {
  const store = await realStore(input.version);
  const host = await startHost({ home: store.home });
  const oracle = new Oracle(store, host);
  try {
    return await oracle.run(input);
  } finally {
    await oracle.close();
    await store.home.remove();
  }
}

class Oracle {
  readonly #store: RealStore;
  #host: RunningHost;
  readonly #files = settledFiles();
  /**
   * The host's version, which the check gets only if another release wrote the store. Otherwise, the check must find
   * the version in the store.
   */
  readonly #knownHost: HostVersion | null;
  #records: RecordStore | null = null;
  #located: Located | null = null;

  constructor(store: RealStore, host: RunningHost) {
    this.#store = store;
    this.#host = host;
    this.#knownHost = writerFor(host.version) === host.version ? null : host.version;
  }

  async run({ seed, count, kinds, onDisagreement }: OracleInput): Promise<OracleResult> {
    await this.#open();
    await this.#expectHealthy("before the first mutation");
    const random = new Random(seed);
    const disagreements: Disagreement[] = [];
    let failing = 0;
    for (let index = 0; index < count; ) {
      const damaged = await this.#records?.damageOne(random);
      if (!damaged) continue;
      const any = this.#store.sessionIDs.find((id) => id !== damaged.gone);
      const record = { ...damaged, sessionID: damaged.sessionID ?? any ?? null };
      if (kinds !== undefined && !kinds.includes(record.kind)) {
        await record.undo();
        continue;
      }
      index += 1;
      const thorough = index % THOROUGH_EVERY === 0;
      const { load, findings } = await this.#askBoth(record, thorough);
      if (load.fails) failing += 1;
      const blocking = findings.filter((finding) => finding.severity === "blocking");
      const others = blocking.filter((finding) => !isOn(record, finding));
      if (load.fails !== blocking.length > 0 || others.length > 0) {
        const said = findings.map(({ code, severity, evidence }) => `${severity} ${code} (${evidence})`).join("; ");
        const { what, locator } = record;
        const found: Disagreement = { index, what, locator, host: load.words, check: said || "nothing" };
        disagreements.push(found);
        onDisagreement?.(found);
      }
      await record.undo();
      if (record.kind === "project") await this.#recover(record);
      if (thorough) await this.#expectHealthy(`after mutation ${index} (${record.what})`);
    }
    await this.#expectHealthy("at the end");
    return { mutations: count, failing, disagreements };
  }

  async close(): Promise<void> {
    this.#records?.close();
    await this.#host.stop();
  }

  async #open(): Promise<void> {
    const { dataDir } = this.#store;
    const found = await locate(this.#files, { env: {}, dataDir });
    if (!found.ok) throw new Error(found.message);
    this.#located = found.located;
    this.#records = await openRecords(dataDir, found.located, this.#store.home.version);
  }

  async #askBoth(
    record: DamagedRecord,
    thorough: boolean,
  ): Promise<{ load: HostLoad; findings: readonly ConfirmedFinding[] }> {
    if (record.kind === "project") await this.#renew();
    const all = record.asksAll === true ? this.#store.sessionIDs.filter((id) => id !== record.gone) : [];
    const load = await askHost(this.#host, record, thorough || record.kind === "database", all);
    const isOfOne = record.kind !== "project" && record.kind !== "database" && record.asksAll !== true;
    return { load, findings: await this.#check(isOfOne ? record.sessionID : null) };
  }

  async #check(sessionID: string | null): Promise<readonly ConfirmedFinding[]> {
    if (this.#located === null) throw new Error("the store is not open");
    const outcome = await check({
      files: this.#files,
      located: this.#located,
      sessionIDs: sessionID === null ? [] : [sessionID],
      concurrency: 8,
      hostVersion: this.#knownHost,
    });
    if (!outcome.ok) throw new Error(`check does not know the session ${outcome.unknownSession}`);
    return outcome.result.findings;
  }

  /**
   * opencode reads a project's record only when it boots the project. This request makes opencode boot the project
   * again.
   */
  async #renew(): Promise<void> {
    await this.#host.post("/instance/dispose");
  }

  /** If the host once failed to boot a folder, it may fail there until it ends. In that case, a new host is started. */
  async #recover(record: DamagedRecord): Promise<void> {
    await this.#renew();
    if (!(await askHost(this.#host, record, false)).fails) return;
    await this.#host.stop();
    this.#host = await startHost({ home: this.#store.home });
  }

  async #expectHealthy(when: string): Promise<void> {
    const findings = (await this.#check(null)).filter((finding) => finding.severity === "blocking");
    if (findings.length > 0) throw new Error(`${when}: ${JSON.stringify(findings)}`);
    for (const sessionID of this.#store.sessionIDs) {
      const record = { kind: "session" as RecordKind, sessionID, locator: "", what: "", undo: async () => undefined };
      const load = await askHost(this.#host, record, true);
      if (load.fails) throw new Error(`${when}: ${load.words}`);
    }
  }
}

function isOn(record: DamagedRecord, finding: ConfirmedFinding): boolean {
  const text = locatorText(finding.locator);
  return text === record.locator || [":", "/"].some((sign) => text.startsWith(record.locator + sign));
}

async function openRecords(dataDir: string, located: Located, version: HostVersion): Promise<RecordStore> {
  const [database] = located.databases;
  if (database === undefined) {
    const files = await JsonRecords.open(dataDir, ["part", "message", "session", "session_diff", "todo", "project"]);
    return half(files, await OddFiles.open(dataDir));
  }
  const rows = half(new SqliteRecords(database), new OddRows(database));
  if (Number(version.split(".")[1]) >= 17) return rows;
  const diffs = half(await JsonRecords.open(dataDir, ["session_diff"]), await OddFiles.open(dataDir, ["session_diff"]));
  return {
    damageOne: (random) => (random.chance(0.9) ? rows.damageOne(random) : diffs.damageOne(random)),
    close: () => rows.close(),
  };
}

/** Takes each of two kinds of damage half of the time. */
function half(one: RecordStore, other: RecordStore): RecordStore {
  return {
    damageOne: (random) => (random.chance(0.5) ? one : other).damageOne(random),
    close: () => {
      one.close();
      other.close();
    },
  };
}

/**
 * Makes all files look old. A check does not report damage in a new file at once, because a program may still be
 * writing the file. In this test, nobody else writes.
 */
function settledFiles(): FileSystem {
  const old = 10_000;
  return new Proxy(nodeFileSystem, {
    get(files, name, receiver) {
      if (name !== "stat") return Reflect.get(files, name, receiver);
      const stat: FileSystem["stat"] = async (path) => {
        const found = await files.stat(path);
        return found === null ? null : { ...found, mtimeMs: found.mtimeMs - old, ctimeMs: found.ctimeMs - old };
      };
      return stat;
    },
  });
}
