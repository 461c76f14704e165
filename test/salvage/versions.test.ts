import { Database } from "bun:sqlite";
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KNOWN_SCHEMAS } from "../../plugin/hosts/known-schema.ts";
import { Placement } from "../../plugin/salvage/placement.ts";
import { tableShape } from "../../plugin/salvage/table-shape.ts";
import type { SqliteRecord } from "../../plugin/stores/sqlite/pages/record.ts";
import type { HostVersion } from "../host/binary.ts";
import { removeHomes } from "../host/home.ts";
import { IS_WHOLE } from "../process/whole.ts";
import { manySessions } from "./many-sessions.ts";
import { type VersionDamage, versionExperiment } from "./version-experiment.ts";

afterAll(removeHomes);

type Case = readonly [version: string, kind: VersionDamage, seed: number];

/** To try any version with more seeds, run `bun test/salvage/version-experiments.ts --version 1.2.15`. */
const SAMPLE: readonly Case[] = [
  ["1.2.15", "schema-leaf", 3],
  ["1.15.4", "lone-wal", 4],
];

/** `npm run test:whole` adds the same damage on a newer version, and a case with additional lost pages. */
const OTHERS: readonly Case[] = [
  ["1.15.4", "schema-leaf", 1],
  ["1.17.0", "schema-and-pages", 2],
];

const CASES = IS_WHOLE ? [...SAMPLE, ...OTHERS] : SAMPLE;

describe("a salvaged database is one of the version that wrote it", () => {
  for (const [version, kind, seed] of CASES) {
    test(`${version}: ${kind}`, async () => {
      const folder = await mkdtemp(join(tmpdir(), "salvage-versions-"));
      try {
        const whole = await manySessions(version as HostVersion, 1, folder);
        const { opening, opens, report, lies } = await versionExperiment(version as HostVersion, whole, kind, seed);
        expect(opening).toMatchObject({ listStatus: 200, failing: [], sessions: report.sessions.length });
        expect(report.sessions.length).toBeGreaterThan(0);
        expect(opens).toBe(true);
        // The log has only pages with parts. The list of a project cannot show such sessions, and the report says so.
        const placed = report.sessions.filter(({ hasFolder }) => hasFolder).length;
        expect([opening.listed, placed]).toEqual(kind === "lone-wal" ? [0, 0] : [opening.sessions, opening.sessions]);
        expect(lies).toEqual([]);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });
  }
});

test("a row of session_message of 1.15 is no part, even where that table is not known", () => {
  const known = KNOWN_SCHEMAS.find(({ hosts }) => hosts.includes("1.2.27"));
  const connection = new Database(":memory:");
  for (const { sql } of known?.objects ?? []) if (sql !== null) connection.exec(sql);
  const names = (connection.query("select name from sqlite_master where type = 'table'").values() as string[][]).flat();
  const reader = { all: (sql: string) => connection.query(sql).all() as never[] };
  const shapes = names.map((name) => tableShape(reader as unknown as Parameters<typeof tableShape>[0], name));
  const text = (value: string) => Buffer.from(value);
  const record: SqliteRecord = {
    letters: ["t", "t", "t", "i", "i", "t"],
    values: [
      text("evt_2292263ed001CYX1Uc3kGbx2aT"),
      text("ses_dd6dd9c12ffeTCt3YXW3GQQAtp"),
      text("agent-switched"),
      1_780_000_000_000,
      1_780_000_000_000,
      text('{"agent":"build"}'),
    ],
  };
  const placement = new Placement(shapes);
  expect([placement.tableOf(record, null), placement.tableOf(record, "part")]).toEqual([null, null]);
  connection.close();
});

test("every version that npm had is one of the known schemas, and each has what its journals say", () => {
  const hosts = new Set(KNOWN_SCHEMAS.flatMap((known) => known.hosts));
  for (const version of ["1.2.1", "1.2.15", "1.2.20", "1.3.0", "1.14.34", "1.15.4", "1.17.0", "1.17.9", "1.18.34"]) {
    expect([version, hosts.has(version)]).toEqual([version, true]);
  }
  for (const { objects, journals, done } of KNOWN_SCHEMAS) {
    const tables = objects.filter(({ type }) => type === "table").map(({ name }) => name);
    expect(tables).toEqual(expect.arrayContaining(["project", "session", "message", "part"]));
    expect(tables).toEqual(expect.arrayContaining(journals.map(({ table }) => table)));
    expect(done.size).toBeGreaterThan(0);
  }
});
