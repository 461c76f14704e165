import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  nodeFileSystem as files,
  locate,
  planRestore,
  type RepairResult,
  repair,
  restore,
  storedRuns,
} from "../../plugin/api.ts";
import { checkUpgrade, type UpgradeResult } from "../../plugin/upgrade/check-upgrade.ts";
import type { UpgradeFinding } from "../../plugin/upgrade/prescribe-upgrade.ts";
import { askCli } from "../command-line/cli-service.ts";
import { toolFor } from "../host/tool.ts";
import { sampleContent } from "../stores/content.ts";
import { createJsonStore } from "../stores/json-fixture.ts";
import type { SqliteStoreUnderTest } from "../stores/sqlite-fixture.ts";
import { createTwoX } from "../stores/two-x-database.ts";
import { NEIGHBOURS, TABLE_CASES } from "./import-cases.ts";
import { caseName, named, storeOf } from "./import-store.ts";

const CASES = [...TABLE_CASES, ...NEIGHBOURS];

async function checked(dataDir: string): Promise<UpgradeResult> {
  const found = await locate(files, { env: {}, dataDir });
  if (!found.ok) throw new Error(found.message);
  const outcome = await checkUpgrade({ files, located: found.located, sessionIDs: [], concurrency: 4 });
  if (!outcome.ok) throw new Error(JSON.stringify(outcome));
  return outcome.result;
}

async function repaired(dataDir: string, findings: readonly UpgradeFinding[]): Promise<RepairResult> {
  const found = await locate(files, { env: {}, dataDir });
  if (!found.ok) throw new Error(found.message);
  const selection = { codes: null, unasked: false };
  const where = { files, located: found.located, access: "outside" as const };
  return repair({ ...where, findings, selection, trigger: "cli", hostVersion: null });
}

/** The findings in the session of a case. Findings that only follow from another record are left out. */
function inCase(findings: readonly UpgradeFinding[], index: number): Record<string, string> {
  const prefix = `ses_${caseName(index)}_`;
  return Object.fromEntries(
    findings
      .filter(
        ({ sessionID, evidence }) =>
          sessionID?.startsWith(prefix) === true && !evidence.startsWith("2.x cannot read its message"),
      )
      .filter(({ evidence }) => !/^(it names a message|2[.]x cannot read it:)/.test(evidence))
      .map(({ recordID, kind, locator, outcome, evidence }) => {
        const column = "column" in locator ? locator.column : kind === "session" ? evidence.split(" ")[0] : undefined;
        return [column === undefined ? recordID : `${recordID}.${column}`, outcome];
      }),
  );
}

describe("every case in one database", () => {
  let store: SqliteStoreUnderTest;
  let before: UpgradeResult;
  let after: UpgradeResult;
  let run: RepairResult;
  let image: ReturnType<SqliteStoreUnderTest["image"]>;

  beforeAll(async () => {
    store = await storeOf(CASES);
    image = store.image();
    before = await checked(store.dataDir);
    run = await repaired(store.dataDir, before.findings);
    after = await checked(store.dataDir);
  });

  afterAll(() => store.remove());

  test.each(CASES.map(({ name }, index) => [name, index] as const))("check --for 2.x: %s", (_name, index) => {
    expect(inCase(before.findings, index)).toEqual(named(CASES[index]?.outcomes ?? {}, caseName(index)));
  });

  test.each(CASES.map(({ name }, index) => [name, index] as const))("after repair --for 2.x: %s", (_name, index) => {
    expect(inCase(after.findings, index)).toEqual(named(CASES[index]?.left ?? {}, caseName(index)));
  });

  test("what was planned was done, and nothing is offered again", () => {
    expect(run.stopped).toBeNull();
    expect(run.items.filter(({ action }) => action === "skipped")).toEqual([]);
    expect(after.findings.filter(({ remedy }) => remedy !== "report")).toEqual([]);
  });

  test("the import would stop at the greatest id of those that stop it", () => {
    const stops = before.findings.filter(({ outcome }) => outcome === "stops").map(({ sessionID }) => sessionID ?? "");
    expect(before.arrival.stopsAt).toBe(stops.sort().at(-1) ?? "");
    expect(before.arrival.sessionsBehind).toBe(indexOf(before.arrival.stopsAt));
  });

  test("undone, the database is the same to the byte", async () => {
    await (await toolFor(store.dataDir)).restore(run.runID ?? "");
    expect(store.image()).toEqual(image);
  });
});

function indexOf(sessionID: string | null): number {
  return Number(/^ses_c(\d+)_/.exec(sessionID ?? "")?.[1]);
}

describe("the command line", () => {
  const two = TABLE_CASES.filter(({ name }) => name === "user no agent" || name === "tool pending");

  test("check says what is in the way and what is by design; repair, undo, and nothing else changes", async () => {
    const store = await storeOf(two);
    const image = store.image();
    try {
      const words = await askCli(["check", "--for", "2.x", "--data-dir", store.dataDir]);
      expect(words.code).toBe(1);
      expect(words.stdout).toContain("2 records that the import would leave out without a message:");
      expect(words.stdout).toContain(
        "message msg_c00_1 would not arrive in opencode 2.x [upgrade-dropped: agent: missing]",
      );
      expect(words.stdout).toContain("1 × changed: 2.x stores a call that did not end as interrupted");
      expect(words.stdout).toContain(
        `\`opencode-session-repair repair --for 2.x --data-dir ${store.dataDir}\` would complete 1 record.`,
      );
      expect(store.image()).toEqual(image);
      const answer = JSON.parse(
        (await askCli(["repair", "--for", "2.x", "--yes", "--json", "--data-dir", store.dataDir])).stdout,
      );
      expect(answer).toMatchObject({ for: "2.x", verdict: "healthy", arrival: { stopsAt: null } });
      expect(answer.items.map(({ recordID, action }: Record<string, string>) => `${recordID} ${action}`)).toEqual([
        "msg_c00_1 normalised",
      ]);
      expect(answer.remaining).toMatchObject([
        { recordID: "prt_c01_2", outcome: "changed", byDesign: true, severity: "info" },
      ]);
      const undone = await askCli(["restore", answer.runID, "--yes", "--data-dir", store.dataDir]);
      expect(undone.code).toBe(0);
      expect(store.image()).toEqual(image);
    } finally {
      store.remove();
    }
  });

  test("another value than 2.x names what is accepted; old JSON files must be imported by 1.x first", async () => {
    const store = await createJsonStore(sampleContent());
    try {
      for (const value of ["3.x", "2"]) {
        const { code, stderr } = await askCli(["check", "--for", value, "--data-dir", store.dataDir]);
        expect({ code, said: stderr.includes("--for takes 2.x") }).toEqual({ code: 2, said: true });
      }
      const { code, stderr } = await askCli(["check", "--for", "2.x", "--data-dir", store.dataDir]);
      expect(code).toBe(2);
      expect(stderr).toContain("Start opencode 1.18 once");
    } finally {
      store.remove();
    }
  });

  test("a message that got another id goes back with its parts, also where one of them is asked for", async () => {
    const store = await storeOf(
      [...TABLE_CASES, ...NEIGHBOURS].filter(({ name }) => name.startsWith("an answer to a message")),
    );
    const image = store.image();
    try {
      const { runID } = await repaired(store.dataDir, (await checked(store.dataDir)).findings);
      const found = await locate(files, { env: {}, dataDir: store.dataDir });
      if (!found.ok || runID === null) throw new Error("nothing was repaired");
      const run = (await storedRuns(files, store.dataDir)).find((each) => each.ok && each.manifest.runID === runID);
      const items = run?.ok === true ? run.manifest.items : [];
      const part = items.find(({ partOf }) => partOf !== undefined);
      const where = { files, located: found.located, access: "outside" as const, runID, sessionIDs: [] };
      const restoreItem = async (itemIDs: readonly string[]) => {
        const planning = await planRestore({ ...where, itemIDs });
        if (!planning.ok) throw new Error(planning.message);
        return restore({ ...where, itemIDs }, planning.plan);
      };
      const undone = await restoreItem([part?.id ?? ""]);
      expect(undone.items.map(({ kind, action }) => `${kind} ${action}`).sort()).toEqual([
        "message restored",
        "part restored",
      ]);
      await restoreItem([]);
      expect(store.image()).toEqual(image);
    } finally {
      store.remove();
    }
  });

  test("a file of keys with which 2.x does not start; a database of 2.x has nothing to bring over", async () => {
    const store = await storeOf([]);
    try {
      writeFileSync(join(store.dataDir, "auth.json"), "[]");
      const found = await checked(store.dataDir);
      expect(found.findings).toMatchObject([{ code: "upgrade-stops", locator: { path: "auth.json" } }]);
      createTwoX(join(store.dataDir, "other.db"));
      const { code, stderr } = await askCli(["check", "--for", "2.x", "--db", join(store.dataDir, "other.db")]);
      expect(code).toBe(3);
      expect(stderr).toContain("already belongs to opencode 2.x");
    } finally {
      store.remove();
    }
  });
});
