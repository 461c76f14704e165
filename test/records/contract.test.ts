import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Artifact, RowValues } from "../../plugin/model/artifact.ts";
import type { StoreDescription } from "../../plugin/model/store-description.ts";
import { fits } from "../../plugin/records/contract.ts";
import { judge } from "../../plugin/records/judge.ts";
import { damageDocument } from "../oracle/document-damage.ts";
import { Random } from "../oracle/random.ts";
import { type Json, sampleColumn, sampleMessage, samplePart } from "./samples.ts";
import "../property/seeded.ts";

const ids = { sessionID: "ses_sample", messageID: "msg_sample", partID: "prt_sample" };

const stores: readonly StoreDescription[] = [
  { contract: "strict", hostVersion: "1.18.33", sessionDiffReader: null },
  { contract: "syntax", hostVersion: "1.14.41", sessionDiffReader: "1.14" },
  { contract: "syntax", hostVersion: "1.2.27", sessionDiffReader: "1.1" },
].map((store) => ({ generation: "sqlite", dataDir: "/data", ...store }) as StoreDescription);

const strict = stores[0] as StoreDescription;

function rowOf(kind: "part" | "message" | "session" | "project", column?: string, id?: string): Artifact {
  const recordID = id ?? { part: "prt_1", message: "msg_1", session: "ses_1", project: "p1" }[kind];
  const locator = { table: kind, key: { id: recordID }, ...(column === undefined ? {} : { column }) };
  return { kind, sessionID: kind === "project" ? null : "ses_1", recordID, locator };
}

const COLUMNS = ["revert", "model", "permission", "metadata", "summary_diffs"];

const subjects: readonly (readonly [artifact: Artifact, sample: Json])[] = [
  ...samplePart(ids).map((sample) => [rowOf("part"), sample] as const),
  ...sampleMessage(ids).map((sample) => [rowOf("message"), sample] as const),
  ...COLUMNS.flatMap((column) =>
    sampleColumn(column, ids).map((sample) => [rowOf("session", column), sample] as const),
  ),
  ...sampleColumn("sandboxes", ids).map((sample) => [rowOf("project", "sandboxes"), sample] as const),
];

const summary: RowValues = { summary_additions: 1, summary_deletions: null, summary_files: null };
const around = { row: summary, siblings: null };

describe("the two readings of a contract", () => {
  test("agree on every damaged document", () => {
    fc.assert(
      fc.property(fc.integer(), fc.nat(subjects.length - 1), fc.nat(stores.length - 1), (seed, which, line) => {
        const subject = subjects[which];
        const store = stores[line];
        if (subject === undefined || store === undefined) return;
        const [artifact, sample] = subject;
        const value = parsed(damageDocument(sample, new Random(seed)).bytes);
        if (value === undefined) return;
        expect(fits(artifact, value, around, store)).toBe(judge(artifact, value, around, store) === "fits");
      }),
      { numRuns: 20_000 },
    );
  });

  test("agree on every row", () => {
    const cell = fc.oneof(
      fc.constantFrom<RowValues[string]>(null, "", "ses_1", "wrk_1", "/a", "a", "http://a", "C:\\a", "git", 0, -1, 1.5),
      fc.double(),
      fc.constant(new Uint8Array([97])),
    );
    const names = ["id", "workspace_id", "workspace", "parent_id", "slug", "directory", "cost", "time_created", "vcs"];
    const row = fc.record(Object.fromEntries(names.map((name) => [name, cell])), { requiredKeys: [] });
    fc.assert(
      fc.property(row, fc.constantFrom("session", "project"), fc.constantFrom(...stores), (values, kind, store) => {
        const artifact = rowOf(kind as "session");
        const here = { row: values as RowValues, siblings: null };
        expect(fits(artifact, values, here, store)).toBe(judge(artifact, values, here, store) === "fits");
      }),
      { numRuns: 5_000 },
    );
  });
});

describe("the two readings of a contract for files", () => {
  const session: Json = { id: "ses_1", title: "t", time: { created: 1, updated: 2 } };
  const project: Json = { id: "p1", worktree: "/p", vcs: "git", sandboxes: ["/q"], time: { created: 1 } };
  const files = [
    ["session", "ses_1", session],
    ["project", "p1", project],
    ["session_diff", "ses_1", sampleColumn("summary_diffs", ids)[0] ?? null],
  ] as const;
  for (const hostVersion of ["1.0.152", "1.1.65"]) {
    test(`agree as ${hostVersion} reads them`, () => {
      const store = { generation: "json", dataDir: "/data", contract: "syntax", hostVersion } as const;
      const reader = hostVersion.startsWith("1.0") ? "1.0" : "1.1";
      fc.assert(
        fc.property(fc.integer(), fc.constantFrom(...files), (seed, [kind, recordID, sample]) => {
          const artifact: Artifact = {
            kind,
            sessionID: null,
            recordID,
            locator: { path: `storage/${kind}/${recordID}` },
          };
          const value = parsed(damageDocument(sample, new Random(seed)).bytes);
          const description = { ...store, sessionDiffReader: reader } as const;
          const here = { row: null, siblings: null };
          if (value === undefined) return;
          const closer = judge(artifact, value, here, description);
          expect(fits(artifact, value, here, description)).toBe(closer === "fits");
        }),
        { numRuns: 5_000 },
      );
    });
  }
});

describe("the strict contract", () => {
  test("accepts every sample with all fields, but for a user's format", () => {
    const refused = subjects.filter(([artifact, sample]) => judge(artifact, sample, around, strict) !== "fits");
    expect(refused.map(([, sample]) => sample)).toEqual(sampleMessage(ids).filter((sample) => "format" in sample));
  });

  const healthy: readonly (readonly [what: string, artifact: Artifact, value: Json])[] = [
    ["a float as the time of a user's message", rowOf("message"), userWith({ time: { created: 1.5 } })],
    ["negative and fractional costs", rowOf("part"), { ...stepFinish, cost: -0.5 }],
    ["text that is empty while it streams", rowOf("part"), { type: "text", text: "", time: { start: 1 } }],
    ["unknown keys", rowOf("part"), { type: "step-start", later: { version: 2 } }],
    ["other ids inside the document", rowOf("part"), { type: "step-start", id: "x", sessionID: 5, messageID: null }],
    [
      "diffs with before and after",
      rowOf("message"),
      userWith({ summary: { diffs: [{ additions: 0, deletions: 0, before: "" }] } }),
    ],
    ["variant at the top of a user's message", rowOf("message"), userWith({ variant: "high" })],
    ["a compaction without overflow", rowOf("part"), { type: "compaction", auto: true }],
    ["a missing parent whose id looks right", rowOf("session"), null],
  ];
  for (const [what, artifact, value] of healthy) {
    test(`accepts ${what}`, () => {
      const row: RowValues = { id: "ses_1", parent_id: "ses_gone", directory: "", title: "", time_archived: 1.7e12 };
      const of = value ?? row;
      expect(judge(artifact, of, { row: value === null ? row : null, siblings: null }, strict)).toBe("fits");
    });
  }

  test("ignores diffs of a session that has no summary", () => {
    const none = { row: { summary_additions: null, summary_deletions: null, summary_files: null }, siblings: null };
    expect(judge(rowOf("session", "summary_diffs"), [{ x: 1 }], none, strict)).toBe("fits");
    expect(judge(rowOf("session", "summary_diffs"), [{ x: 1 }], around, strict)).not.toBe("fits");
  });
});

const stepFinish = {
  type: "step-finish",
  reason: "stop",
  cost: 0,
  tokens: { input: 0.5, output: -1, reasoning: 0, cache: { read: 0, write: 0 } },
};

function userWith(more: Json): Json {
  const [user] = sampleMessage(ids);
  return { ...user, ...(more as object) } as Json;
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}
