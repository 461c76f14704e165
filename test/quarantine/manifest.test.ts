import { describe, expect, test } from "bun:test";
import type { ManifestItem } from "../../plugin/model/manifest-item.ts";
import { type Manifest, manifestText, parseManifest } from "../../plugin/quarantine/manifest.ts";
import { newRunID } from "../../plugin/quarantine/run-id.ts";

const HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/** A manifest with two rows, as this tool writes it. */
function sample(): Manifest {
  const common = { code: "truncated", evidence: "3 bytes", remedy: "quarantine", state: "done" } as const;
  const file = (id: string) => ({ file: `items/${id}-x.json`, bytes: 3, sha256: HASH });
  const row = {
    rowID: "9223372036854775807",
    sha256: HASH,
    columns: {
      id: { storage: "text" as const, value: { text: "prt_2" } },
      time_created: { storage: "integer" as const, number: "-9223372036854775808" },
      cost: { storage: "real" as const, number: "1e-7" },
      nothing: { storage: "null" as const },
      data: { storage: "blob" as const, value: file("0002") },
    },
  };
  return {
    schemaVersion: 1,
    runID: newRunID(Date.parse("2026-11-23T02:15:00.123Z")),
    sessionID: "ses_a",
    createdAt: "2026-11-23T02:15:00.123Z",
    trigger: "cli",
    tool: { name: "opencode-session-repair", version: "0.1.0" },
    host: null,
    store: { generation: "sqlite", contract: "strict", database: "opencode.db" },
    state: "done",
    safetyCopy: { state: "skipped", reason: "not enough space" },
    items: [
      {
        ...{
          ...common,
          id: "0001",
          kind: "message",
          recordID: "msg_1",
          locator: { table: "message", key: { id: "msg_1" }, column: "data" },
        },
        original: {
          ...file("0001"),
          mtime: "2026-11-23T01:00:00.000Z",
          mode: "0644",
          row: {
            rowID: null,
            sha256: HASH,
            columns: { id: { storage: "text", value: { text: "msg_1" } } },
          },
        },
      },
      {
        ...{
          ...common,
          id: "0002",
          kind: "part",
          recordID: null,
          locator: { table: "part", key: { id: "prt_2" } },
          partOf: "0001",
        },
        original: { ...file("0002"), mtime: null, mode: null, row },
        replacement: { source: "a default", sha256: HASH, columns: { revert: { storage: "null" } } },
      },
    ],
  };
}

/** A manifest of a run on files. */
function fileSample(): Manifest {
  const { items, ...rest } = sample();
  const original = {
    file: "items/0001-x.json",
    bytes: 3,
    sha256: HASH,
    mtime: "2026-11-23T01:00:00.000Z",
    mode: "0644",
  };
  const locator = { path: "storage/part/msg_1/prt_1.json" };
  const [first] = items;
  if (first === undefined) throw new Error("The sample is empty.");
  return { ...rest, store: { generation: "json", contract: "syntax" }, items: [{ ...first, locator, original }] };
}

/** A manifest of a run on a whole database file. */
function databaseSample(): Manifest {
  const { items, ...rest } = fileSample();
  const store = { generation: "sqlite", contract: "strict", database: "opencode.db" } as const;
  const files = ["", "-wal"].map((suffix, index) => ({
    ...(items[0] as ManifestItem),
    ...{ id: `000${index + 1}`, kind: "database" as const, locator: { path: `opencode.db${suffix}` } },
    original: { file: `items/0001-opencode.db${suffix}`, bytes: 3, sha256: HASH, mtime: null, mode: "0644" },
  }));
  return { ...rest, sessionID: null, store, items: files };
}

/** The text of a manifest in which the value at `path` is replaced. The value `undefined` removes it. */
function changed(path: string, value: unknown, of = sample()): string {
  const manifest = JSON.parse(manifestText(of)) as Record<string, unknown>;
  const names = path.split(".");
  const last = names.pop() ?? "";
  const owner = names.reduce<Record<string, unknown>>((at, name) => at[name] as Record<string, unknown>, manifest);
  if (value === undefined) delete owner[last];
  else owner[last] = value;
  return JSON.stringify(manifest);
}

test("what is written is read back, every value", () => {
  for (const manifest of [sample(), fileSample(), databaseSample()]) {
    expect(parseManifest(manifestText(manifest))).toEqual({ ok: true, manifest });
  }
});

test("an id of any length and alphabet is read back", () => {
  for (const id of ["", "x".repeat(1_000_000), "\0\n\ud800🌍", "__proto__"]) {
    const named = JSON.parse(changed("items.1.locator.key.id", id));
    named.items[1].original.row.columns.id.value.text = id;
    const reading = parseManifest(JSON.stringify(named));
    expect(reading.ok && reading.manifest.items[1]?.locator).toEqual({ table: "part", key: { id } });
  }
});

describe("refused", () => {
  const escapes = [
    "../x",
    "items/../x",
    "items/../../x",
    "/etc/passwd",
    "items/",
    "items/.hidden",
    "items/a/b",
    "items/a\\b",
    "items/a\0",
    "manifest.json",
    "safety/x",
    "items/a\n",
    "",
    "items/%2e%2e/x",
  ];
  test.each(escapes)("an item file that is not plainly below items: %j", (file) => {
    expect(parseManifest(changed("items.0.original.file", file)).ok).toBe(false);
    expect(parseManifest(changed("items.1.original.row.columns.data.value.file", file)).ok).toBe(false);
  });

  test.each([
    ["schemaVersion", 2],
    ["schemaVersion", 0],
    ["schemaVersion", "1"],
    ["runID", "../../20261123T021500123Z-0000-9f86d081"],
    ["runID", ".."],
    ["createdAt", "yesterday"],
    ["createdAt", "+275760-09-13T00:00:00.001Z"],
    ["trigger", "postload"],
    ["state", "finished"],
    ["store.generation", "toml"],
    ["items", {}],
    ["items.0.id", "../1"],
    ["items.0.id", 1],
    ["items.0.remedy", "report"],
    ["items.0.state", "unknown"],
    ["items.0.locator", { path: "" }],
    ["items.0.locator", { path: "x".repeat(5000) }],
    ["items.0.locator", { path: "storage/x", table: "part", key: { id: "x" } }],
    ["items.1.locator.table", "credential"],
    ["items.1.locator.table", "part; drop table part"],
    ["items.1.locator.key", { id: "x", rowid: "1" }],
    ["items.1.locator.key", {}],
    ["items.0.original.bytes", 1e300],
    ["items.0.original.bytes", -1],
    ["items.0.original.bytes", 1.5],
    ["items.0.original.bytes", "3"],
    ["items.0.original.sha256", HASH.toUpperCase()],
    ["items.0.original.sha256", `${HASH}00`],
    ["items.0.original.mode", "07777777"],
    ["items.0.original.mode", "rwx"],
    ["items.0.original.mtime", "+275760-09-13T00:00:00.000Z"],
    ["items.1.original.row.rowID", "1; drop table part"],
    ["items.1.original.row.columns.cost", { storage: "real", number: 1e-7 }],
    ["items.1.original.row.columns.cost", { storage: "real", number: "9".repeat(65) }],
    ["items.1.original.row.columns.cost", { storage: "text", number: "1" }],
    ["safetyCopy", { state: "complete" }],
    ["tool", undefined],
    ["items.0.original", undefined],
    ["extra", true],
    ["items.0.extra", true],
  ] as const)("%s = %j", (path, value) => {
    expect(parseManifest(changed(path, value)).ok).toBe(false);
  });

  const SECOND_PART = { table: "part", key: { id: "prt_2" } };
  test.each([
    ["a row in a run on files", fileSample(), "items.0.locator", SECOND_PART],
    ["a row's columns in a run on files", fileSample(), "items.0.original.row", sample().items[1]?.original?.row],
    ["a file in a run on rows", sample(), "items.1.locator", { path: "storage/part/msg_1/prt_1.json" }],
    ["one place twice", sample(), "items.0.locator", SECOND_PART],
    ["a row under another row's id", sample(), "items.1.locator.key.id", "prt_3"],
    ["a row without its columns", sample(), "items.1.original.row", undefined],
    ["a row that is called a database", sample(), "items.1.kind", "database"],
    ["a file that is called a database", fileSample(), "items.0.kind", "database"],
    ["a database of another name", databaseSample(), "items.0.locator.path", "auth.json"],
    ["a database that is one file among others", databaseSample(), "items.0.kind", "side_file"],
    ["a database in the folder of a session", databaseSample(), "sessionID", "ses_a"],
    ["a database in a run on files", databaseSample(), "store", { generation: "json", contract: "syntax" }],
    ["a database without its bytes", databaseSample(), "items.1.original", null],
  ])("%s", (_, manifest, path, value) => {
    expect(parseManifest(changed(path, value, manifest)).ok).toBe(false);
  });

  test("two items of one id, or of one file", () => {
    expect(parseManifest(changed("items.1.id", "0001")).ok).toBe(false);
    expect(parseManifest(changed("items.1.original.file", "items/0001-x.json")).ok).toBe(false);
  });

  test.each(["", "null", "[]", "{", "0", '"manifest"', "\0", `${"[".repeat(100_000)}`])(
    "a text that is no manifest: %j",
    (text) => {
      expect(parseManifest(text).ok).toBe(false);
    },
  );

  test("keys that would reach a prototype", () => {
    const text = manifestText(sample());
    for (const hostile of [
      text.replace('"columns": {', '"columns": {"__proto__": {"storage": "null"},'),
      text.replace('"columns": {', '"columns": {"__proto__": {"polluted": true},'),
      text.replace('"schemaVersion"', '"__proto__": {"polluted": true}, "schemaVersion"'),
      text.replace('"id": "prt_2"', '"id": "prt_2", "__proto__": {"polluted": true}'),
    ]) {
      const reading = parseManifest(hostile);
      expect(({} as Record<string, unknown>).polluted).toBeUndefined();
      if (reading.ok)
        expect(Object.getPrototypeOf(reading.manifest.items[1]?.original?.row?.columns)).toBe(Object.prototype);
    }
  });
});
