import { describe, expect, test } from "bun:test";
import { diagnose } from "../../plugin/faults/diagnose.ts";
import type { SchemaFrame } from "../../plugin/hosts/profile.ts";
import { LINES, linesOfDatabase } from "../../plugin/hosts/store-line.ts";
import type { Artifact, Evidence } from "../../plugin/model/artifact.ts";
import type { LineName, StoreDescription } from "../../plugin/model/store-description.ts";

const SESSION = { "1.2": ["id"], "1.14": ["id", "model"], "1.15": ["id", "model", "cost"] };
const ALL = ["id", "model", "cost", "metadata"];
const UP_TO_1_17_0 = ["20260605042240_add_context_epoch_agent"];
const UP_TO_1_17_9 = [...UP_TO_1_17_0, "20260612174303_project_dir_strategy"];
const UP_TO_1_17_11 = [...UP_TO_1_17_9, "20260622202450_simplify_session_input"];

function frame(session: readonly string[], others: readonly string[], migrations: readonly string[] = []): SchemaFrame {
  const tables = [...others.map((name) => [name, ["id"]] as const), ["session", session] as const];
  return { tables: new Map(tables), migrations: new Set(migrations) };
}

/** The frame of a new database of each host, taken from stores that the hosts wrote. */
const FRAMES: readonly (readonly [versions: readonly string[], line: LineName, frame: SchemaFrame])[] = [
  [["1.2.1", "1.2.15"], "1.2", frame(SESSION["1.2"], ["__drizzle_migrations"])],
  [["1.2.20", "1.2.27"], "1.2.20", frame(SESSION["1.2"], ["__drizzle_migrations", "workspace"])],
  [["1.3.2"], "1.3.2", frame(SESSION["1.2"], ["__drizzle_migrations", "workspace"])],
  [["1.14.34", "1.14.41"], "1.14", frame(SESSION["1.14"], ["__drizzle_migrations", "event"])],
  [["1.14.48"], "1.15", frame(SESSION["1.14"], ["__drizzle_migrations", "data_migration"])],
  [["1.15.0", "1.15.3", "1.15.4"], "1.15", frame(SESSION["1.15"], ["__drizzle_migrations", "data_migration"])],
  [["1.15.13"], "1.15.13", frame(ALL, ["__drizzle_migrations", "data_migration"])],
  [["1.17.0"], "1.17", frame(ALL, ["migration", "data_migration"], UP_TO_1_17_0)],
  [["1.17.9"], "1.17.9", frame(ALL, ["migration", "data_migration"], UP_TO_1_17_9)],
  [["1.17.11", "1.17.18", "1.18.3", "1.18.34"], "1.17.11", frame(ALL, ["migration", "data_migration"], UP_TO_1_17_11)],
];

describe("the line of a database", () => {
  for (const [versions, line, own] of FRAMES) {
    for (const version of versions) {
      test(`of opencode ${version}, with and without its sessions`, () => {
        expect(linesOfDatabase(own, null, version)).toEqual([line]);
        // A database of 1.3.2 has the same tables as a database of 1.2.20.
        const shaped = line === "1.2.20" || line === "1.3.2" ? ["1.2.20", "1.3.2"] : [line];
        expect(linesOfDatabase(own, null, null)).toEqual(shaped as LineName[]);
        expect(linesOfDatabase(own, version, null)).toEqual([line]);
      });
    }
  }

  test("every line that has a database is told by its frame", () => {
    const told = FRAMES.map(([, line]) => line);
    expect(LINES.filter(({ journal }) => journal !== null).map(({ name }) => name)).toEqual([...new Set(told)]);
  });

  test("two lines where the newest session is of an older one that opens the database", () => {
    const [, , of15] = FRAMES[5] as (typeof FRAMES)[number];
    expect(linesOfDatabase(of15, null, "1.14.41")).toEqual(["1.14", "1.15"]);
    expect(linesOfDatabase(of15, "1.14.41", "1.15.0")).toEqual(["1.14"]);
    expect(linesOfDatabase(of15, "1.15.4", "1.14.41")).toEqual(["1.15"]);
  });

  test("the newest alone where an older host cannot open the database any more", () => {
    const [, , of17] = FRAMES[9] as (typeof FRAMES)[number];
    expect(linesOfDatabase(of17, null, "1.14.41")).toEqual(["1.17.11"]);
  });

  test("a version that was not measured leaves it to the frame", () => {
    const [, , of14] = FRAMES[3] as (typeof FRAMES)[number];
    expect(linesOfDatabase(of14, null, "1.14.44")).toEqual(["1.14"]);
    expect(linesOfDatabase(of14, "1.4.3", null)).toEqual(["1.14"]);
  });
});

const PART: Artifact = {
  kind: "part",
  sessionID: "ses_1",
  recordID: "memory-context-1778756145902",
  locator: { table: "part", key: { id: "memory-context-1778756145902" }, column: "data" },
};

function verdict(lines: readonly LineName[], document: object, artifact: Artifact = PART) {
  const bytes = Buffer.from(JSON.stringify(document));
  const evidence: Evidence = {
    storage: "text",
    size: bytes.length,
    bytes,
    shape: null,
    sha256: null,
    mtimeMs: null,
    updatedMs: null,
    sessionID: "ses_1",
    position: 0,
    row: null,
    siblings: null,
    reachable: true,
    ioError: null,
    stray: null,
  };
  const store: StoreDescription = {
    generation: "sqlite",
    dataDir: "/data",
    contract: "syntax",
    hostVersion: null,
    sessionDiffReader: null,
    lines,
  };
  const found = diagnose(artifact, evidence, store);
  return found === null ? null : { code: found.fault.code, severity: found.severity, hosts: found.hosts };
}

describe("what several lines may load", () => {
  const text = { type: "text", text: "remember" };

  test("is blocking where the only line fails, and nothing where it does not", () => {
    expect(verdict(["1.15"], text)).toEqual({ code: "foreign-part", severity: "blocking", hosts: undefined });
    expect(verdict(["1.14"], text)).toBeNull();
  });

  test("is a warning that names the versions that fail where another line loads it", () => {
    const hosts = ["1.14.48 to 1.15.4"];
    expect(verdict(["1.14", "1.15"], text)).toEqual({ code: "foreign-part", severity: "warning", hosts });
  });

  test("is blocking where all of them fail", () => {
    expect(verdict(["1.15", "1.15.13"], text)).toEqual({
      code: "foreign-part",
      severity: "blocking",
      hosts: undefined,
    });
  });

  test("differs within 1.17 too", () => {
    const revert: Artifact = {
      kind: "session",
      sessionID: "ses_1",
      recordID: "ses_1",
      locator: { table: "session", key: { id: "ses_1" }, column: "revert" },
    };
    const revertOf = (lines: readonly LineName[]) =>
      verdict(lines, { messageID: "msg_1", partID: "" }, revert)?.severity ?? "loads";
    expect(revertOf(["1.17"])).toBe("blocking");
    expect(revertOf(["1.17.9"])).toBe("blocking");
    expect(revertOf(["1.17.11"])).toBe("loads");
    expect(revertOf(["1.17.11", "1.17.9"])).toBe("warning");
  });
});
