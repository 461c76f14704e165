import { readFileSync } from "node:fs";
import { join } from "node:path";
import { libcWith } from "./linux-libc.ts";
import type { FolderChanges } from "./system.ts";

/** The functions of the C library that this module needs. */
interface Libc {
  inotify_init1(flags: number): number;
  inotify_add_watch(queue: number, path: Uint8Array, mask: number): number;
  read(queue: number, into: Uint8Array, bytes: number): number;
}

/**
 * The flags O_NONBLOCK and O_CLOEXEC, with the values that Linux uses on every architecture for which opencode is
 * built.
 */
const QUEUE_FLAGS = 0o2004000;

/**
 * The inotify events to report: a file was written, closed after writing, moved out or in, created or removed, or its
 * times or mode changed. The last bit allows only folders to be watched (inotify(7)).
 */
const WANTED = 0x2 | 0x4 | 0x8 | 0x40 | 0x80 | 0x100 | 0x200 | 0x01000000;
const OVERFLOWED = 0x4000;
const FORGOTTEN = 0x8000;
const EVENT_BYTES = 16;
const QUEUE_BYTES = 64 * 1024;

const NOTHING: ReadonlySet<string> = new Set();

/**
 * The plugin uses at most this share of the watches that a user may have, because other programs of the user watch
 * folders too.
 */
const SHARE_OF_WATCHES = 0.5;

/** Reports changes in folders by inotify; `null` if the runtime cannot call inotify. */
export async function followByInotify(root: string): Promise<FolderChanges | null> {
  const called = await libcWith<Libc>({
    inotify_init1: { args: ["i32"], returns: "i32" },
    inotify_add_watch: { args: ["i32", "ptr", "u32"], returns: "i32" },
    // With the types "u64" and "i64" instead, Bun would turn both numbers into a BigInt at each call. Collecting these
    // as garbage costs 1 to 2 % of a core.
    read: { args: ["i32", "ptr", "u64_fast"], returns: "i32" },
  });
  if (called === null) return null;
  const { libc } = called;
  const queue = libc.inotify_init1(QUEUE_FLAGS);
  if (queue < 0) return null;
  const most = Number(readFileSync("/proc/sys/fs/inotify/max_user_watches", "utf8")) * SHARE_OF_WATCHES;
  const folders = new Map<number, string>();
  const events = Buffer.alloc(QUEUE_BYTES);
  return {
    follow(folder) {
      if (folders.size >= most) return "full";
      const watched = libc.inotify_add_watch(queue, Buffer.from(`${join(root, folder)}\0`), WANTED);
      if (watched < 0) return "absent";
      folders.set(watched, folder);
      return "followed";
    },
    drain() {
      let bytes = libc.read(queue, events, QUEUE_BYTES);
      // opencode runs this code again and again. If nothing happened, no memory is allocated, so that no garbage must
      // be collected.
      if (bytes <= 0) return NOTHING;
      const changed = new Set<string>();
      let isLost = false;
      for (; ; bytes = libc.read(queue, events, QUEUE_BYTES)) {
        if (bytes <= 0) return isLost ? "lost" : changed;
        for (let at = 0; at + EVENT_BYTES <= bytes; ) {
          const [watched, mask, length] = [
            events.readInt32LE(at),
            events.readUInt32LE(at + 4),
            events.readUInt32LE(at + 12),
          ];
          const name = events.toString("utf8", at + EVENT_BYTES, at + EVENT_BYTES + length).replace(/\0+$/, "");
          const folder = folders.get(watched);
          if (mask & OVERFLOWED) isLost = true;
          if (mask & FORGOTTEN) folders.delete(watched);
          else if (folder !== undefined && name !== "") changed.add(`${folder}/${name}`);
          at += EVENT_BYTES + length;
        }
      }
    },
  };
}
