import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import {
  type Artifact,
  type Evidence,
  type FileLocator,
  isFileLocator,
  LARGEST_LOADED_BYTES,
  type StrayFile,
} from "../../model/artifact.ts";
import { errnoCode, type FileStat } from "../../platform/file-system.ts";
import { hashFile } from "../../platform/hash.ts";
import { copiedRecordID, folderOfRecord, isBelowItsFolder } from "../../records/copied-name.ts";
import { JsonScanner } from "../../records/json-scanner.ts";
import { LINK } from "../../words/sources.ts";
import { parseDocument, textIn } from "../conversation.ts";
import { diffsPlace } from "./diffs-place.ts";
import { isEntryName, type ListedFile, listRecordFiles, messageFolder, STORAGE, strayOutcome } from "./layout.ts";
import type { RecordTree } from "./record-tree.ts";

/** The list of a folder's files is kept in memory only if the folder has not changed for this many milliseconds. */
const LISTING_SETTLE_MS = 1000;

/**
 * The files in a folder of records. `byPath` finds a file by its path below the data directory; `names` has all names.
 */
interface Listing {
  readonly byPath: ReadonlyMap<string, ListedFile>;
  readonly names: ReadonlySet<string>;
}

/** Reads single files again, with all facts that a diagnosis needs. */
export class FileEvidence {
  readonly #tree: RecordTree;
  readonly #ownsSessions: boolean;
  #lastListing: { readonly state: string; readonly listing: Promise<Listing> } | null = null;

  /** `ownsSessions`: whether opencode reads the sessions from these files, and not from a database beside them. */
  constructor(tree: RecordTree, ownsSessions: boolean) {
    this.#tree = tree;
    this.#ownsSessions = ownsSessions;
  }

  /** Reads one file again, with all facts for a diagnosis; `null` if the file is gone. */
  async examine(artifact: Artifact): Promise<Evidence | null> {
    if (!isFileLocator(artifact.locator)) return null;
    const named = join(this.#tree.dataDir, artifact.locator.path);
    const entry = await this.#tree.files.stat(named);
    if (entry === null) return null;
    const place = artifact.kind === "session_diff" ? await diffsPlace(this.#tree.files, named, entry) : null;
    if (place !== null && "ioError" in place) return this.#unopened(artifact, entry, place.ioError);
    const path = place?.path ?? named;
    const found = place?.stat ?? entry;
    if (found.type !== "file") {
      const instead = await this.#insteadOfRecord(artifact, artifact.locator, found);
      return instead === null ? null : this.#unopened(artifact, found, instead);
    }
    const content = await this.#contentOf(artifact, path);
    // The file's time is read after the content. So if another process writes the file during the read, the time shows
    // the write.
    const read = content === null ? null : await this.#tree.files.stat(path);
    if (content === null || read === null) return null;
    return {
      storage: "file",
      mtimeMs: Math.max(read.mtimeMs, read.ctimeMs),
      stray: await (artifact.kind === "stray"
        ? this.#strayName(artifact.locator, path, read.size)
        : this.#copyOf(artifact, read, content.bytes ?? null)),
      reachable: await this.#isReachable(artifact),
      sessionID: artifact.sessionID,
      row: null,
      updatedMs: read.mtimeMs,
      ...(await this.#placeInMessage(artifact, artifact.locator)),
      ...{ size: read.size, bytes: null, shape: null, sha256: null, ioError: null },
      ...content,
    };
  }

  /** The facts about a place where the system returns an error instead of a file. */
  async #unopened(artifact: Artifact, { mtimeMs, ctimeMs }: FileStat, ioError: string): Promise<Evidence> {
    return {
      storage: "file",
      mtimeMs: Math.max(mtimeMs, ctimeMs),
      reachable: await this.#isReachable(artifact),
      sessionID: artifact.sessionID,
      updatedMs: mtimeMs,
      ...{ size: 0, bytes: null, shape: null, sha256: null, ioError },
      ...{ row: null, stray: null, position: null, siblings: null },
    };
  }

  /**
   * What is in the place of a record, as an error code: a symbolic link, or a folder without files. opencode leaves both
   * out of its lists (measured on 1.0.0 to 1.1.65). `null` for an entry of another type, or of another kind of record,
   * for a session that opencode lists from the folder of another project, and if opencode does not read these files.
   */
  async #insteadOfRecord(
    { kind, recordID }: Artifact,
    { path }: FileLocator,
    { type }: FileStat,
  ): Promise<string | null> {
    if (!this.#ownsSessions || (kind !== "session" && kind !== "message" && kind !== "part")) return null;
    if (kind === "session" && recordID !== null && (await this.#tree.sessionFiles(recordID)).length > 0) return null;
    if (type === "symlink") return LINK;
    const listed = type === "directory" ? await listRecordFiles(this.#tree.files, this.#tree.dataDir, path) : null;
    return listed?.length === 0 ? "EISDIR" : null;
  }

  /**
   * The content of a file. If the file is too large for memory, the result has its hash instead, and says how complete
   * its JSON is. `null` if the file is gone.
   */
  async #contentOf(artifact: Artifact, path: string): Promise<Partial<Evidence> | null> {
    try {
      if (artifact.kind === "stray") return { sha256: (await hashFile(this.#tree.files, path)).sha256 };
      const bytes = await this.#tree.files.read(path, LARGEST_LOADED_BYTES);
      if (bytes === "absent") return null;
      return bytes === "too-large" ? await this.#readInPieces(path) : { size: bytes.length, bytes };
    } catch (error) {
      return { ioError: errnoCode(error) ?? "UNKNOWN" };
    }
  }

  async #readInPieces(path: string): Promise<Pick<Evidence, "shape" | "sha256" | "size">> {
    const scanner = new JsonScanner();
    const hash = createHash("sha256");
    let size = 0;
    for await (const chunk of this.#tree.files.readChunks(path)) {
      scanner.push(chunk);
      hash.update(chunk);
      size += chunk.length;
    }
    return { shape: scanner.end(), sha256: hash.digest("hex"), size };
  }

  /**
   * The record that a file copies, judged by the name of the file or its folder. A session's file is also a copy if the
   * id in its content is that of another complete record, and the file is not the record of a session that has
   * messages. `null` if the file is not a copy.
   */
  async #copyOf(
    { kind, recordID, locator }: Artifact,
    own: FileStat,
    bytes: Uint8Array | null,
  ): Promise<StrayFile | null> {
    const isRecord = kind === "session" || kind === "message" || kind === "part" || kind === "project";
    if (recordID === null || !isRecord || !isFileLocator(locator)) return null;
    const beside = (id: string) => join(this.#tree.dataDir, folderOfRecord(locator.path), `${id}.json`);
    const isBelow = isBelowItsFolder(locator.path);
    const listed = kind === "session" ? idInside(bytes) : null;
    const isAnother = listed !== null && (isBelow || listed !== recordID);
    const isNamedAsCopy = isBelow || copiedRecordID(recordID) !== null;
    if (
      isAnother &&
      !isNamedAsCopy &&
      ((await this.#tree.hasMessages(recordID)) || !(await this.#states(beside(listed), listed)))
    )
      return null;
    const opens = isAnother && isEntryName(listed) && (await this.#tree.files.stat(beside(listed)))?.type === "file";
    const isListedInVain = isAnother && !opens;
    const original = (opens ? listed : copiedRecordID(recordID)) ?? (isBelow ? recordID : null);
    if (original === null) return null;
    const found = await this.#tree.files.stat(beside(original));
    if (found?.type !== "file") {
      // Nothing exists in the proper place of this record. opencode also reads messages and parts in subfolders, so the
      // file is then the record itself and not a copy.
      if (isBelow && !isListedInVain) return null;
      return { outcome: "copy", original: { recordID: original, laterMs: null, isSame: false }, isListedInVain };
    }
    const paths = [join(this.#tree.dataDir, locator.path), beside(original)];
    const hashes = found.size === own.size ? await Promise.all(paths.map((path) => this.#hashOf(path))) : [null, null];
    const isSame = hashes[0] !== null && hashes[0] === hashes[1];
    const laterMs = own.mtimeMs - found.mtimeMs;
    return { outcome: "copy", original: { recordID: original, laterMs, isSame }, isListedInVain };
  }

  /** Whether a file is a complete record that states this id. */
  async #states(path: string, id: string): Promise<boolean> {
    if (!isEntryName(id)) return false;
    const bytes = await this.#tree.files.read(path, LARGEST_LOADED_BYTES).catch(() => null);
    return typeof bytes === "object" && idInside(bytes) === id;
  }

  async #hashOf(path: string): Promise<string | null> {
    return hashFile(this.#tree.files, path).then(
      ({ sha256 }) => sha256,
      () => null,
    );
  }

  async #strayName(locator: FileLocator, path: string, size: number): Promise<StrayFile | null> {
    const [, folder, owner] = locator.path.split("/");
    if (owner === undefined || (folder !== "message" && folder !== "part" && folder !== "session")) return null;
    const root = `${STORAGE}/${folder}/${owner}`;
    const { byPath, names } = await this.#listing(root);
    const file = byPath.get(locator.path);
    if (file === undefined) return null;
    const outcome = strayOutcome(folder, file, names);
    if (folder !== "message" || !file.isRecord || size > LARGEST_LOADED_BYTES) return { folder, outcome };
    return { folder, outcome, holdsMessage: await this.#holdsMessage(path) };
  }

  async #holdsMessage(path: string): Promise<boolean> {
    const bytes = await this.#tree.files.read(path).catch(() => null);
    return typeof bytes === "object" && idInside(bytes)?.startsWith("msg") === true;
  }

  /**
   * The names in a folder. A folder may hold a hundred thousand files that are not records, and the check of each file
   * needs this list. So the last list is kept as long as the folder stays the same.
   */
  async #listing(root: string): Promise<Listing> {
    const found = await this.#tree.files.stat(join(this.#tree.dataDir, root));
    const state = `${root} ${found?.inode} ${found?.mtimeMs} ${found?.ctimeMs}`;
    if (this.#lastListing?.state === state) return this.#lastListing.listing;
    const listing = listRecordFiles(this.#tree.files, this.#tree.dataDir, root).then((files) => {
      const listed = files ?? [];
      return {
        byPath: new Map(listed.map((file) => [`${root}/${file.name}`, file])),
        names: new Set(listed.map((file) => file.name)),
      };
    });
    // A folder that changed very recently may change again without getting another time. So the list of that folder is
    // not kept.
    const isSettled = found !== null && Date.now() - found.mtimeMs > LISTING_SETTLE_MS;
    this.#lastListing = isSettled ? { state, listing } : null;
    return listing;
  }

  async #placeInMessage(artifact: Artifact, { path }: FileLocator): Promise<Pick<Evidence, "position" | "siblings">> {
    if (artifact.kind !== "part") return { position: null, siblings: null };
    const folder = path.slice(0, path.lastIndexOf("/"));
    const names = ((await listRecordFiles(this.#tree.files, this.#tree.dataDir, folder)) ?? [])
      .map((file) => file.name)
      .sort();
    return { position: names.indexOf(basename(path)), siblings: names.length };
  }

  async #isReachable(artifact: Artifact): Promise<boolean> {
    if (artifact.kind === "session_diff")
      return !this.#ownsSessions || artifact.sessionID === null || this.#tree.hasSession(artifact.sessionID);
    if (artifact.kind !== "part" || artifact.sessionID === null || !isFileLocator(artifact.locator)) return true;
    const messageID = artifact.locator.path.split("/")[2] ?? "";
    const message = join(this.#tree.dataDir, messageFolder(artifact.sessionID), `${messageID}.json`);
    return (await this.#tree.files.stat(message))?.type === "file";
  }
}

/** The id inside a record's file. opencode lists a session under this id, and 1.0.0 reads a message under this id. */
function idInside(bytes: Uint8Array | null): string | null {
  if (bytes === null) return null;
  const parsed = parseDocument({ bytes: Buffer.from(bytes), storage: "file" });
  return parsed.ok ? textIn(parsed.value, "id") : null;
}
