import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { linkSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Artifact } from "../../plugin/model/artifact.ts";
import type { ManifestItem, RunFolder } from "../../plugin/model/manifest-item.ts";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { sha256 } from "../../plugin/platform/hash.ts";
import { newRunID } from "../../plugin/quarantine/run-id.ts";
import { createRunFolder } from "../../plugin/quarantine/vault.ts";
import { noCounts } from "../../plugin/stores/store.ts";
import type { Operation, StoreWriter } from "../../plugin/stores/writer.ts";
import { sampleContent } from "./content.ts";
import { createJsonStore, folderImage } from "./json-fixture.ts";
import { openOnly, type StoreUnderTest } from "./store-under-test.ts";

const PART = "storage/part/msg_a1/prt_a1_1.json";

let store: StoreUnderTest;

beforeEach(() => {
  store = createJsonStore(sampleContent());
});

afterEach(() => store.remove());

async function scan(): Promise<Artifact[]> {
  const { store: opened } = await openOnly(nodeFileSystem, store.dataDir);
  const artifacts: Artifact[] = [];
  await opened.scan({ what: "everything" }, (artifact) => artifacts.push(artifact), {
    concurrency: 4,
    counts: noCounts(),
  });
  return artifacts;
}

async function writerAndRun(): Promise<{ writer: StoreWriter; run: RunFolder }> {
  const opened = await openOnly(nodeFileSystem, store.dataDir);
  const run = await createRunFolder(nodeFileSystem, store.dataDir, "ses_a", newRunID(Date.now()));
  return { writer: await opened.openWriter(), run };
}

function operationAt(path: string, bytes = Buffer.from("{")): Operation {
  const seen = { bytes: bytes.length, sha256: sha256(bytes) };
  return {
    ...{ kind: "part", sessionID: "ses_a", recordID: "x", locator: { path }, code: "truncated" },
    evidence: "",
    remedy: "quarantine",
    seen,
    replacement: null,
  };
}

const at = (path: string) => join(store.dataDir, path);

describe("what only looks like a record", () => {
  test("links and folders in a part folder are visited without a text; pipes and dot-files are not", async () => {
    const before = (await scan()).length;
    const folder = at("storage/part/msg_a1");
    symlinkSync(at(PART), join(folder, "prt_link.json"));
    symlinkSync("/nowhere", join(folder, "prt_dangling.json"));
    mkdirSync(join(folder, "prt_folder.json"));
    writeFileSync(join(folder, ".prt_hidden.json"), "{");
    expect(spawnSync("mkfifo", [join(folder, "prt_pipe.json")]).status).toBe(0);
    const found = await scan();
    expect(found).toHaveLength(before + 3);
    const unlisted = ["prt_link", "prt_dangling", "prt_folder"];
    expect(found.map(({ recordID }) => recordID)).toEqual(expect.arrayContaining(unlisted));
  });

  test("a named pipe where a todo list, a diff or a project would be does not hang the scan", async () => {
    mkdirSync(at("storage/todo"));
    mkdirSync(at("storage/session_diff"));
    for (const path of ["storage/todo/ses_a.json", "storage/session_diff/ses_a.json"]) {
      expect(spawnSync("mkfifo", [at(path)]).status).toBe(0);
    }
    const opened = await openOnly(nodeFileSystem, store.dataDir);
    for (const artifact of await scan()) {
      const evidence = await opened.store.examine(artifact);
      if (artifact.kind === "todo" || artifact.kind === "session_diff") expect(evidence).toBeNull();
    }
  });

  test("a folder of another name in the tree, or a file in place of a folder, is passed over", async () => {
    const before = (await scan()).length;
    writeFileSync(at("storage/message/ses_file"), "a file where a folder belongs");
    writeFileSync(at("storage/session/prj_file"), "a file where a folder belongs");
    mkdirSync(at("storage/message/ses_empty"));
    expect(await scan()).toHaveLength(before);
  });

  test("stray files are visited as such, sub-folders included", async () => {
    writeFileSync(at("storage/message/ses_a/note.txt"), "x");
    writeFileSync(at("storage/part/msg_a1/prt_a1_1.json.bak"), "x");
    mkdirSync(at("storage/part/msg_a1/sub"));
    writeFileSync(at("storage/part/msg_a1/sub/x.tmp"), "x");
    writeFileSync(at("storage/session/prj_one/ses_a.orig"), "x");
    const strays = (await scan()).filter(({ kind }) => kind === "stray");
    expect(strays.map(({ recordID }) => recordID).sort()).toEqual([
      "note.txt",
      "prt_a1_1.json.bak",
      "ses_a.orig",
      "x.tmp",
    ]);
  });
});

describe("a place that leads elsewhere", () => {
  const FOREIGN_PATHS = [
    "../outside.json",
    "storage/../../outside.json",
    "storage/part/../../../outside.json",
    "storage/part/msg_a1/../../../opencode.db",
    "/etc/passwd",
    "storage//etc/passwd",
    "storage/part",
    "storage/part.json",
    "quarantine/ses_a/x.json",
    "auth.json",
    "storage/part/msg_a1/.",
    "storage/part/msg_a1/a\0b.json",
    "storage\\part\\msg_a1\\x.json",
    "",
  ];

  test("is neither prepared nor written, whoever names it", async () => {
    writeFileSync(join(store.dataDir, "..", "outside.json"), "{");
    writeFileSync(at("auth.json"), "{");
    const before = folderImage(join(store.dataDir, ".."), ["opencode/quarantine"]);
    const { writer, run } = await writerAndRun();
    const { items, skipped } = await writer.prepare(
      FOREIGN_PATHS.map((path) => operationAt(path)),
      run,
    );
    expect([items.length, skipped.length]).toEqual([0, FOREIGN_PATHS.length]);
    const [template] = (await writer.prepare([operationAt(PART, readFileSync(at(PART)))], run)).items as [ManifestItem];
    writeFileSync(join(run.path, template.original?.file ?? ""), readFileSync(at(PART)));
    const hostile = FOREIGN_PATHS.map((path) => ({ ...template, locator: { path } }));
    for (const outcomes of [await writer.setAside(hostile, run.path), await writer.putBack(hostile, run.path)]) {
      expect(outcomes.every(({ state }) => state === "skipped")).toBe(true);
    }
    expect(folderImage(join(store.dataDir, ".."), ["opencode/quarantine"])).toEqual(before);
  });

  test("through a linked folder is refused, on the way out and on the way back", async () => {
    store.overwrite({ path: PART }, Buffer.from("{"));
    const { writer, run } = await writerAndRun();
    const { items } = await writer.prepare([operationAt(PART)], run);
    const elsewhere = join(store.dataDir, "..", "elsewhere");
    renameSync(at("storage/part/msg_a1"), elsewhere);
    symlinkSync(elsewhere, at("storage/part/msg_a1"));
    expect((await writer.prepare([operationAt(PART)], run)).skipped).toHaveLength(1);
    expect((await writer.setAside(items, run.path)).map(({ state }) => state)).toEqual(["skipped"]);
    rmSync(at("storage/part/msg_a1"));
    renameSync(elsewhere, at("storage/part/msg_a1"));
    expect((await writer.setAside(items, run.path)).map(({ state }) => state)).toEqual(["done"]);
    rmSync(at("storage/part/msg_a1"), { recursive: true });
    mkdirSync(elsewhere);
    symlinkSync(elsewhere, at("storage/part/msg_a1"));
    expect((await writer.putBack(items, run.path)).map(({ state }) => state)).toEqual(["skipped"]);
    expect(folderImage(elsewhere)).toEqual({});
  });

  test("a link, a folder or a pipe in the place itself is not overwritten", async () => {
    store.overwrite({ path: PART }, Buffer.from("{"));
    const { writer, run } = await writerAndRun();
    const { items } = await writer.prepare([operationAt(PART)], run);
    await writer.setAside(items, run.path);
    for (const occupy of [
      () => symlinkSync("/nowhere", at(PART)),
      () => mkdirSync(at(PART)),
      () => expect(spawnSync("mkfifo", [at(PART)]).status).toBe(0),
    ]) {
      occupy();
      expect((await writer.putBack(items, run.path)).map(({ state }) => state)).toEqual(["skipped"]);
      rmSync(at(PART), { recursive: true });
    }
    expect((await writer.putBack(items, run.path)).map(({ state }) => state)).toEqual(["restored"]);
  });

  test("a quarantined file that became a link is not followed", async () => {
    store.overwrite({ path: PART }, Buffer.from("{"));
    const { writer, run } = await writerAndRun();
    const { items } = await writer.prepare([operationAt(PART)], run);
    await writer.setAside(items, run.path);
    const kept = join(run.path, items[0]?.original?.file ?? "");
    const elsewhere = join(store.dataDir, "..", "elsewhere.json");
    renameSync(kept, elsewhere);
    symlinkSync(elsewhere, kept);
    expect((await writer.putBack(items, run.path)).map(({ state }) => state)).toEqual(["skipped"]);
    expect(readFileSync(elsewhere, "utf8")).toBe("{");
  });
});

test("a hard-linked record leaves and returns without a change to its other name", async () => {
  store.overwrite({ path: PART }, Buffer.from("{"));
  const other = join(store.dataDir, "..", "other-name.json");
  linkSync(at(PART), other);
  const before = [store.image(), lstatSync(other).mode, lstatSync(other).mtimeMs];
  const { writer, run } = await writerAndRun();
  const { items } = await writer.prepare([operationAt(PART)], run);
  expect((await writer.setAside(items, run.path)).map(({ state }) => state)).toEqual(["done"]);
  expect([lstatSync(other).mode, readFileSync(other, "utf8")]).toEqual([before[1] as number, "{"]);
  expect((await writer.putBack(items, run.path)).map(({ state }) => state)).toEqual(["restored"]);
  expect([store.image(), lstatSync(other).mode, lstatSync(other).mtimeMs]).toEqual(before);
});

test("a folder that is gone meanwhile is rebuilt for what comes back", async () => {
  store.overwrite({ path: PART }, Buffer.from("{"));
  const { writer, run } = await writerAndRun();
  const { items } = await writer.prepare([operationAt(PART)], run);
  await writer.setAside(items, run.path);
  rmSync(at("storage/part/msg_a1"), { recursive: true });
  expect((await writer.putBack(items, run.path)).map(({ state }) => state)).toEqual(["restored"]);
  expect(readFileSync(at(PART), "utf8")).toBe("{");
});

test("the safety copy holds what the session loads, and nothing of other sessions", async () => {
  store.overwrite({ path: PART }, Buffer.from("{"));
  mkdirSync(at("storage/todo"));
  writeFileSync(at("storage/todo/ses_a.json"), "[]");
  const { writer, run } = await writerAndRun();
  const copy = await writer.copyForSafety("ses_a", [operationAt(PART)], run.path);
  const image = folderImage(join(run.path, "safety"));
  const files = Object.keys(image).filter((path) => image[path] !== "folder");
  expect(files.sort()).toEqual([
    "storage/message/ses_a/msg_a1.json",
    "storage/message/ses_a/msg_a2.json",
    "storage/part/msg_a1/prt_a1_1.json",
    "storage/part/msg_a1/prt_a1_2.json",
    "storage/session/prj_one/ses_a.json",
    "storage/todo/ses_a.json",
  ]);
  expect(copy).toMatchObject({ state: "complete", files: 6 });
});

test("a safety copy that finds no space, or a file it may not read, is left out and says so", async () => {
  const files = { ...nodeFileSystem, freeBytes: async () => 1000 };
  const { JsonWriter } = await import("../../plugin/stores/json/json-writer.ts");
  const { run } = await writerAndRun();
  const full = await new JsonWriter(files, store.dataDir).copyForSafety("ses_a", [], run.path);
  expect(full.state).toBe("skipped");
  const refusing = {
    ...nodeFileSystem,
    copyNew: async () => {
      throw Object.assign(new Error("permission denied"), { code: "EACCES" });
    },
  };
  const unreadable = await new JsonWriter(refusing, store.dataDir).copyForSafety("ses_a", [], run.path);
  expect(unreadable).toEqual({ state: "skipped", reason: "the record could not be copied (EACCES)" });
});
