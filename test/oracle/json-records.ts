import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { RecordKind } from "../../plugin/model/artifact.ts";
import { type Json, sampleMessage, samplePart } from "../records/samples.ts";
import { damageDocument } from "./document-damage.ts";
import type { Random } from "./random.ts";
import type { DamagedRecord, RecordStore } from "./subject.ts";

interface RecordFile {
  readonly kind: RecordKind;
  readonly sessionID: string | null;
  /** Relative to the data directory. */
  readonly path: string;
}

/** How often each kind of record is damaged. */
const SHARES: readonly (readonly [RecordKind, number])[] = [
  ["part", 0.45],
  ["message", 0.2],
  ["session", 0.2],
  ["session_diff", 0.1],
  ["todo", 0.046],
  // Projects are damaged rarely, because the host must boot the project again for each damage.
  ["project", 0.004],
];

/** Damages files of opencode's `storage/` while the host runs. */
export class JsonRecords implements RecordStore {
  readonly #dataDir: string;
  readonly #files: ReadonlyMap<RecordKind, readonly RecordFile[]>;

  private constructor(dataDir: string, files: ReadonlyMap<RecordKind, readonly RecordFile[]>) {
    this.#dataDir = dataDir;
    this.#files = files;
  }

  /** `kinds` are the kinds of records that the host reads from files. */
  static async open(dataDir: string, kinds: readonly RecordKind[]): Promise<JsonRecords> {
    const paths = (await readdir(join(dataDir, "storage"), { recursive: true })).filter((path) =>
      path.endsWith(".json"),
    );
    const files = paths.sort().map((path): RecordFile => {
      const [kind = "", owner = "", name = ""] = path.split("/");
      const sessionOf = { message: owner, session: name, todo: owner, session_diff: owner }[kind]?.replace(
        /\.json$/,
        "",
      );
      return { kind: kind as RecordKind, sessionID: sessionOf ?? null, path: `storage/${path}` };
    });
    const sessionOfMessage = new Map(
      files.filter((file) => file.kind === "message").map((file) => [file.path.split("/")[3], file.sessionID]),
    );
    const complete = files.map((file) =>
      file.kind === "part"
        ? { ...file, sessionID: sessionOfMessage.get(`${file.path.split("/")[2]}.json`) ?? null }
        : file,
    );
    return new JsonRecords(
      dataDir,
      new Map(kinds.map((kind) => [kind, complete.filter((file) => file.kind === kind)])),
    );
  }

  async damageOne(random: Random): Promise<DamagedRecord | null> {
    const dice = random.next();
    let sum = 0;
    const kind = SHARES.find(([, share]) => {
      sum += share;
      return dice < sum;
    })?.[0];
    const files = kind === undefined ? [] : (this.#files.get(kind) ?? []);
    return files.length === 0 ? null : this.#damage(random.pick(files), random);
  }

  close(): void {}

  async #damage(file: RecordFile, random: Random): Promise<DamagedRecord> {
    const path = join(this.#dataDir, file.path);
    const original = await readFile(path);
    const stored = JSON.parse(original.toString("utf8")) as Json;
    const damaged = damageDocument(random.chance(0.7) ? stored : sampleFor(file, stored, random), random);
    await writeFile(path, damaged.bytes);
    return {
      kind: file.kind,
      sessionID: file.sessionID,
      locator: file.path,
      what: `${file.kind}: ${damaged.what}`,
      undo: () => writeFile(path, original),
    };
  }
}

function sampleFor(file: RecordFile, stored: Json, random: Random): Json {
  if (typeof stored !== "object" || stored === null || !("id" in stored)) return stored;
  const ids = { sessionID: file.sessionID ?? "", messageID: "msg_sample", partID: "prt_sample" };
  const own = { id: stored.id ?? null, sessionID: file.sessionID };
  switch (file.kind) {
    case "part":
      return { ...own, messageID: file.path.split("/")[2] ?? "", ...random.pick(samplePart(ids)) };
    case "message":
      return { ...own, ...random.pick(sampleMessage(ids)) };
    default:
      return stored;
  }
}
