import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openFolderChanges } from "../../plugin/platform/folder-changes.ts";
import type { FolderChanges } from "../../plugin/platform/system.ts";
import { type Scratch, scratchFolder } from "../stores/scratch.ts";

let scratch: Scratch;
let changes: FolderChanges;

const FILES = 500;

beforeEach(async () => {
  scratch = scratchFolder();
  mkdirSync(join(scratch.path, "storage", "part"), { recursive: true });
  for (let index = 0; index < FILES; index += 1) write(`storage/part/${index}.json`);
  changes = (await openFolderChanges(scratch.path)) ?? failed();
});

afterEach(() => scratch.remove());

function failed(): never {
  throw new Error("folders cannot be followed here");
}

function write(path: string): void {
  writeFileSync(join(scratch.path, path), "{}");
}

const openFiles = () => readdirSync("/proc/self/fd").length;

test("files that are written, added and removed are named, and no other", () => {
  expect(changes.follow("storage/part")).toBe("followed");
  expect(changes.drain()).toEqual(new Set());
  write("storage/part/1.json");
  write("storage/part/new.json");
  rmSync(join(scratch.path, "storage/part/2.json"));
  const named = ["1", "2", "new"].map((name) => `storage/part/${name}.json`);
  expect(changes.drain()).toEqual(new Set(named));
  expect(changes.drain()).toEqual(new Set());
});

test("following a folder opens none of its files", () => {
  const before = openFiles();
  changes.follow("storage/part");
  expect(openFiles() - before).toBeLessThan(5);
});

test("a folder that is not there is absent, and followed once it is", () => {
  expect(changes.follow("storage/message")).toBe("absent");
  mkdirSync(join(scratch.path, "storage", "message"));
  expect(changes.follow("storage/message")).toBe("followed");
  write("storage/message/a.json");
  expect(changes.drain()).toEqual(new Set(["storage/message/a.json"]));
});

test("more changes than the system keeps are said to be lost", () => {
  changes.follow("storage/part");
  for (let index = 0; index < 20_000; index += 1) write(`storage/part/${index % FILES}.json`);
  expect(changes.drain()).toBe("lost");
});
