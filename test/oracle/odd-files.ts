import { cp, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { RecordKind } from "../../plugin/model/artifact.ts";
import { type Json, sampleMessage, samplePart } from "../records/samples.ts";
import { oddDocument } from "./odd-documents.ts";
import type { Random } from "./random.ts";
import type { DamagedRecord, RecordStore } from "./subject.ts";

interface RecordFile {
  readonly kind: RecordKind;
  readonly sessionID: string | null;
  /** Relative to the data directory. */
  readonly path: string;
}

/** A kind that is damaged more often appears several times. */
const KINDS: readonly RecordKind[] = [
  "part",
  "part",
  "part",
  "message",
  "message",
  "session",
  "session",
  "session_diff",
  "todo",
];

/** Names that another program or a person may give to a file beside a record. */
const NAMES: readonly ((id: string) => string)[] = [
  (id) => `${id}x.json`,
  (id) => `${id}\u00e9.json`,
  (id) => `${id}.JSON`,
  (id) => `${id}.json.json`,
  (id) => `${id}.jsonc`,
  (id) => `${id}`,
  (id) => `.${id}.json`,
  (id) => `${id}.json~`,
  (id) => `${id} (1).json`,
  (id) => `a${id}.json`,
  (id) => `${id.toUpperCase()}.json`,
  () => "notes.md",
  () => "x",
  () => ".json",
];

/** Damages files of `storage/` in ways that `JsonRecords` does not. */
export class OddFiles implements RecordStore {
  readonly #dataDir: string;
  readonly #files: readonly RecordFile[];

  readonly #kinds: readonly RecordKind[];

  private constructor(dataDir: string, files: readonly RecordFile[], kinds: readonly RecordKind[]) {
    this.#dataDir = dataDir;
    this.#kinds = kinds;
    this.#files = files;
  }

  /** `kinds` are the kinds of records that the host reads from files. */
  static async open(dataDir: string, kinds: readonly RecordKind[] = KINDS): Promise<OddFiles> {
    const found = await readdir(join(dataDir, "storage"), { recursive: true });
    const paths = found.filter((path) => path.endsWith(".json")).sort();
    const sessionOf = new Map(
      paths.flatMap((path) => {
        const [kind, session = "", name = ""] = path.split("/");
        return kind === "message" ? [[basename(name, ".json"), session] as const] : [];
      }),
    );
    const files = paths.map((path): RecordFile => {
      const [kind = "", owner = "", name = ""] = path.split("/");
      const session = { message: owner, session: name, todo: owner, session_diff: owner, part: sessionOf.get(owner) }[
        kind
      ];
      return { kind: kind as RecordKind, sessionID: session?.replace(/\.json$/, "") ?? null, path: `storage/${path}` };
    });
    return new OddFiles(dataDir, files, kinds);
  }

  async damageOne(random: Random): Promise<DamagedRecord | null> {
    const kind = random.pick(this.#kinds);
    const files = this.#files.filter((file) => file.kind === kind);
    if (files.length === 0) return null;
    const file = random.pick(files);
    const dice = random.next();
    if (dice < 0.5) return this.#content(file, random);
    if (dice < 0.72) return this.#beside(file, random);
    if (dice < 0.8) return this.#elsewhere(file, random);
    if (dice < 0.88) return this.#gone(file, random);
    return this.#notAFile(file, random);
  }

  close(): void {}

  #at(path: string): string {
    return join(this.#dataDir, path);
  }

  async #changed(file: RecordFile, random: Random): Promise<{ what: string; bytes: Buffer }> {
    const stored = JSON.parse(await readFile(this.#at(file.path), "utf8")) as Json;
    const ids = { sessionID: file.sessionID ?? "", messageID: "msg_sample", partID: "prt_sample" };
    const others = [...samplePart(ids), ...sampleMessage(ids)];
    const own = typeof stored === "object" && stored !== null ? stored : {};
    const sample = random.pick(file.kind === "message" ? sampleMessage(ids) : samplePart(ids));
    const takesSample = (file.kind === "part" || file.kind === "message") && random.chance(0.4);
    return oddDocument(takesSample ? { ...own, ...sample } : stored, others, random);
  }

  #record(file: RecordFile, path: string, what: string, undo: () => Promise<void>): DamagedRecord {
    const { kind, sessionID } = file;
    return { kind, sessionID, locator: path, what: `${kind}: ${what}`, undo, asksAll: true };
  }

  async #content(file: RecordFile, random: Random): Promise<DamagedRecord> {
    const original = await readFile(this.#at(file.path));
    const { what, bytes } = await this.#changed(file, random);
    await writeFile(this.#at(file.path), bytes);
    return this.#record(file, file.path, what, () => writeFile(this.#at(file.path), original));
  }

  /** Adds a file to the record's folder or to a subfolder of it. */
  async #beside(file: RecordFile, random: Random): Promise<DamagedRecord | null> {
    const id = basename(file.path, ".json");
    const name = random.pick(NAMES)(id);
    const folder = random.pick(["", "", "", "sub", ".hidden"]);
    const path = join(dirname(file.path), folder, name);
    if (this.#files.some((other) => other.path === path)) return null;
    const original = await readFile(this.#at(file.path));
    const changed = random.chance(0.4)
      ? (await this.#changed(file, random)).bytes
      : Buffer.from(random.chance(0.5) ? original : original.toString().replaceAll(id, `${id}x`));
    await mkdir(dirname(this.#at(path)), { recursive: true });
    await writeFile(this.#at(path), changed);
    const undo = () => rm(this.#at(folder === "" ? path : dirname(path)), { recursive: true });
    return this.#record(file, path, `beside it ${join(folder, name)}`, undo);
  }

  /** Renames the file, or moves it to the folder of another record. */
  async #elsewhere(file: RecordFile, random: Random): Promise<DamagedRecord | null> {
    const other = random.pick(this.#files.filter(({ kind }) => kind === file.kind));
    const isMoved = (file.kind === "part" || file.kind === "message") && random.chance(0.5);
    const path = isMoved
      ? join(dirname(other.path), basename(file.path))
      : join(dirname(file.path), random.pick(NAMES)(basename(file.path, ".json")));
    if (path === file.path) return null;
    await rename(this.#at(file.path), this.#at(path));
    const undo = () => rename(this.#at(path), this.#at(file.path));
    const moved = this.#record({ ...file, sessionID: null }, path, `now ${path}`, undo);
    return file.kind === "session" && file.sessionID !== null ? { ...moved, gone: file.sessionID } : moved;
  }

  /** Removes a file or the folder of a message's parts, as opencode or a person may do. */
  async #gone(file: RecordFile, random: Random): Promise<DamagedRecord | null> {
    if (file.kind === "session") return null;
    const path = file.kind === "part" && random.chance(0.5) ? dirname(file.path) : file.path;
    const aside = join(this.#dataDir, "put-aside");
    await rename(this.#at(path), aside);
    return this.#record(file, file.path, `gone: ${path}`, () => rename(aside, this.#at(path)));
  }

  async #notAFile(file: RecordFile, random: Random): Promise<DamagedRecord | null> {
    const at = this.#at(file.path);
    const aside = join(this.#dataDir, "put-aside.json");
    if (file.kind === "session") return null;
    await rename(at, aside);
    const [what, make] = random.pick<readonly [string, () => Promise<unknown>]>([
      ["a folder", () => mkdir(at)],
      ["a folder with a file", async () => mkdir(at).then(() => cp(aside, join(at, basename(file.path))))],
      ["a link to it", () => symlink(aside, at)],
      ["a link to nothing", () => symlink(join(this.#dataDir, "nowhere"), at)],
      ["a link to itself", () => symlink(at, at)],
      ["a link through a file", () => symlink(join(aside, "x"), at)],
      ["a link with a long name", () => symlink("n".repeat(300), at)],
      ["a link to a folder", () => symlink(dirname(at), at)],
    ]);
    await make();
    const undo = async () => {
      await rm(at, { recursive: true });
      await rename(aside, at);
    };
    return this.#record(file, file.path, what, undo);
  }
}
