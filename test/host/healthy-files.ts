import { mkdir, readFile, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { RealStore } from "./stored-fixture.ts";

/** Files of a JSON store that look odd, but that 1.0 and 1.1 load without an error (host-storage.md 3.3). */
export interface HealthyFiles {
  readonly name: string;
  /** Makes the change. Returns a function that undoes it. */
  change(store: RealStore): Promise<() => Promise<void>>;
}

type Json = Record<string, unknown>;

export const HEALTHY_FILES: readonly HealthyFiles[] = [
  part("a part with a byte order mark", (bytes) => Buffer.concat([Buffer.from("efbbbf", "hex"), bytes])),
  part("a part in UTF-16LE", (bytes) => Buffer.from(`\ufeff${bytes.toString("utf8")}`, "utf16le")),
  part("a part with a byte that is not UTF-8", (bytes) => {
    const at = bytes.lastIndexOf('"');
    return Buffer.concat([bytes.subarray(0, at), Buffer.from([0xe9]), bytes.subarray(at)]);
  }),
  part("a part that is an array", () => Buffer.from("[1]")),
  part("a part that is a number", () => Buffer.from("7")),
  part("a part that is a string", () => Buffer.from('"text"')),
  part("a part of an unknown type", edited({ type: "hologram" })),
  part("a part with the id of another", edited({ id: "prt_another", messageID: "msg_another" })),
  part("a lone surrogate as an escape", edited({ text: "half a pair: \ud800" })),
  part("nesting of 1,500 levels", (bytes) =>
    Buffer.from(bytes.toString("utf8").replace(/\}\s*$/, `,"deep":${"[".repeat(1_500)}${"]".repeat(1_500)}}`)),
  ),
  part("white space around a document", (bytes) => Buffer.concat([Buffer.from("\n \t"), bytes, Buffer.from(" \r\n")])),
  message("a message without anything", () => Buffer.from("{}")),
  message("a message that is null", () => Buffer.from("null")),
  message("a message that is an array", () => Buffer.from("[]")),
  message("a message with other ids", edited({ id: "msg_another", sessionID: "ses_another" })),
  message("a parentID that leads nowhere", edited({ parentID: "msg_nowhere" })),
  extra("a dot-file in a part folder", (at) => `${at.part}/.DS_Store`),
  extra("a dot-file in a message folder", (at) => `${at.message}/.prt_x.json`),
  extra("a dot-file in a session folder", (at) => `${at.session}/.swp`),
  extra("a part file in a folder below", (at) => `${at.part}/sub/prt_below.json`),
  extra("parts without their message", () => "storage/part/msg_gone/prt_orphan.json", ""),
  extra("messages without their session", () => "storage/message/ses_gone/msg_orphan.json"),
  extra("a todo list that does not parse", () => "storage/todo/ses_gone.json", ""),
  extra("a session file of another project that is empty of content", () => "storage/session/elsewhere/.keep", ""),
  {
    name: "an empty folder beside the parts",
    async change(store) {
      const folder = join(store.dataDir, placesOf(store).part, "empty");
      await mkdir(folder);
      return () => rm(folder, { recursive: true });
    },
  },
  {
    name: "a folder where a part should be",
    change: (store) => replaced(store, (path) => mkdir(path)),
  },
  {
    name: "a symbolic link that leads nowhere where a part should be",
    change: (store) => replaced(store, (path) => symlink("/nonexistent", path)),
  },
];

interface Places {
  readonly part: string;
  readonly message: string;
  readonly session: string;
  readonly partFile: string;
  readonly messageFile: string;
}

function placesOf(store: RealStore): Places {
  const { id: sessionID, messages } = store.sessions.plain;
  const owner = messages[1];
  const text = owner?.parts.find((each) => each.type === "text");
  if (!owner || !text) throw new Error("the plain session has no answer with a text");
  const part = `storage/part/${owner.id}`;
  const message = `storage/message/${sessionID}`;
  return {
    part,
    message,
    session: `storage/session/${store.projectID}`,
    partFile: `${part}/${text.id}.json`,
    messageFile: `${message}/${owner.id}.json`,
  };
}

function edited(values: Json): (bytes: Buffer) => Buffer {
  return (bytes) => Buffer.from(JSON.stringify({ ...(JSON.parse(bytes.toString("utf8")) as Json), ...values }));
}

function part(name: string, bytes: (original: Buffer) => Buffer): HealthyFiles {
  return { name, change: (store) => rewritten(join(store.dataDir, placesOf(store).partFile), bytes) };
}

function message(name: string, bytes: (original: Buffer) => Buffer): HealthyFiles {
  return { name, change: (store) => rewritten(join(store.dataDir, placesOf(store).messageFile), bytes) };
}

async function rewritten(path: string, bytes: (original: Buffer) => Buffer): Promise<() => Promise<void>> {
  const original = await readFile(path);
  await writeFile(path, bytes(original));
  return () => writeFile(path, original);
}

function extra(name: string, path: (places: Places) => string, content = '{"id":"x"}'): HealthyFiles {
  return {
    name,
    async change(store) {
      const full = join(store.dataDir, path(placesOf(store)));
      const made = await mkdir(join(full, ".."), { recursive: true });
      await writeFile(full, content);
      return () => (made === undefined ? unlink(full) : rm(made, { recursive: true }));
    },
  };
}

async function replaced(store: RealStore, make: (path: string) => Promise<unknown>): Promise<() => Promise<void>> {
  const path = join(store.dataDir, placesOf(store).partFile);
  const aside = join(store.home.root, "aside.json");
  await rename(path, aside);
  await make(path);
  return async () => {
    await rm(path, { recursive: true, force: true });
    await rename(aside, path);
  };
}
