import { createHash } from "node:crypto";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { isFileLocator, type Locator } from "../../plugin/model/artifact.ts";
import { CREATED, messageDocument, partDocument, type SessionContent, type StoreContent } from "./content.ts";
import { scratchFolder } from "./scratch.ts";
import type { Image, StoreUnderTest } from "./store-under-test.ts";

/** The time at which opencode wrote these files. It is long ago, so that no process seems to be writing them. */
const WRITTEN = new Date(CREATED - 3_600_000);

/** A store like one of opencode 1.1.65, in a new folder. */
export function createJsonStore(content: StoreContent): StoreUnderTest {
  const scratch = scratchFolder();
  const dataDir = join(scratch.path, "opencode");
  mkdirSync(join(dataDir, "storage"), { recursive: true });
  for (const folder of ["project", "session", "message", "part"]) mkdirSync(join(dataDir, "storage", folder));
  for (const id of content.projects) {
    put(dataDir, `storage/project/${id}.json`, {
      id,
      worktree: `/work/${id}`,
      vcs: "git",
      sandboxes: [],
      time: times(),
    });
  }
  for (const session of content.sessions) writeSession(dataDir, session);
  const absolute = (locator: Locator) => join(dataDir, pathOf(locator));
  return {
    dataDir,
    content,
    locatorOf(record, id) {
      for (const session of content.sessions) {
        if (record === "session" && session.id === id) return { path: sessionPath(session) };
        for (const message of session.messages) {
          if (record === "message" && message.id === id) return { path: messagePath(session.id, id) };
          if (record === "part" && message.parts.some((part) => part.id === id))
            return { path: partPath(message.id, id) };
        }
      }
      throw new Error(`There is no ${record} ${id}.`);
    },
    bytesAt(locator) {
      const found = lstatSync(absolute(locator), { throwIfNoEntry: false });
      return found?.isFile() ? readFileSync(absolute(locator)) : null;
    },
    overwrite(locator, bytes) {
      mkdirSync(dirname(absolute(locator)), { recursive: true });
      writeFileSync(absolute(locator), bytes);
      utimesSync(absolute(locator), WRITTEN, WRITTEN);
    },
    overwriteWithZeros(locator, bytes) {
      truncateSync(absolute(locator), 0);
      truncateSync(absolute(locator), bytes);
      utimesSync(absolute(locator), WRITTEN, WRITTEN);
    },
    removeRecord: (locator) => rmSync(absolute(locator)),
    image: () => folderImage(dataDir, ["quarantine"]),
    remove: scratch.remove,
  };
}

function pathOf(locator: Locator): string {
  if (!isFileLocator(locator)) throw new TypeError("This store holds files only.");
  return locator.path;
}

function sessionPath(session: SessionContent): string {
  return `storage/session/${session.projectID}/${session.id}.json`;
}

function messagePath(sessionID: string, id: string): string {
  return `storage/message/${sessionID}/${id}.json`;
}

function partPath(messageID: string, id: string): string {
  return `storage/part/${messageID}/${id}.json`;
}

function times() {
  return { created: CREATED, updated: CREATED };
}

function writeSession(dataDir: string, session: SessionContent): void {
  const { id, projectID } = session;
  put(dataDir, sessionPath(session), {
    ...{ id, slug: "calm-river", version: "1.1.65", projectID, directory: "/work", title: "A session", time: times() },
  });
  for (const message of session.messages) {
    put(dataDir, messagePath(id, message.id), { id: message.id, sessionID: id, ...messageDocument() });
    for (const part of message.parts) {
      put(dataDir, partPath(message.id, part.id), {
        ...{ id: part.id, sessionID: id, messageID: message.id },
        ...partDocument(part),
      });
    }
  }
}

function put(dataDir: string, path: string, document: object): void {
  const absolute = join(dataDir, path);
  mkdirSync(dirname(absolute), { recursive: true });
  writeFileSync(absolute, JSON.stringify(document, null, 2));
  chmodSync(absolute, 0o640);
  utimesSync(absolute, WRITTEN, WRITTEN);
}

/** Every file below a folder, with its size, time, mode, and content or hash. Empty folders count too. */
export function folderImage(root: string, leftOut: readonly string[] = []): Image {
  const image: Record<string, string> = {};
  const walk = (path: string) => {
    for (const name of readdirSync(join(root, path)).sort()) {
      const below = path === "" ? name : `${path}/${name}`;
      if (leftOut.includes(below)) continue;
      const found = lstatSync(join(root, below), { bigint: true });
      if (found.isDirectory()) {
        image[below] = "folder";
        walk(below);
      } else if (found.isFile()) {
        const hash =
          found.size > 1_000_000n ? hashOfLarge(join(root, below)) : readFileSync(join(root, below)).toString("latin1");
        image[below] = `${found.size} ${found.mtimeNs} ${(found.mode & 0o7777n).toString(8)} ${hash}`;
      } else image[below] = "other";
    }
  };
  walk("");
  return image;
}

function hashOfLarge(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}
