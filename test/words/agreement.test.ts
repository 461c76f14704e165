import { afterAll, expect, test } from "bun:test";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { ConfirmedFinding } from "../../plugin/model/finding.ts";
import type { ReportedItem } from "../../plugin/repair/reported-item.ts";
import { sessionSentence } from "../../plugin/words/answers/dialog.ts";
import { groupText } from "../../plugin/words/answers/finding-groups.ts";
import { noticeSentence } from "../../plugin/words/answers/notice.ts";
import { doneWords, toDoWords } from "../../plugin/words/records.ts";
import { askCli } from "../command-line/cli-service.ts";
import { sessionContent } from "../stores/content.ts";
import { loseFolders } from "../stores/gone-folders.ts";
import { createJsonStore } from "../stores/json-fixture.ts";
import { createSqliteStore } from "../stores/sqlite-fixture.ts";

const NOUNS =
  "byte|conversation|day|event|fault|file|finding|folder|frame|hole|hour|item|line|message|minute|original|page|part|problem|record|remark|row|run|second|session|time|todo|value|warning";

/** Matches `1 records` and `1 damaged records`. Does not match `11 records`, `1.1 records` or `0 to 1 records`. */
const WRONG_ONE = new RegExp(`(?<![\\d.,:-])1 (?:[a-z]+ )?(?:${NOUNS})s\\b`, "i");

/** Matches `2 record` and `2 damaged record.`. Does not match `2 record kinds`. */
const WRONG_TWO = new RegExp(`(?<![\\d.,:-])2 (?:damaged |more )?(?:${NOUNS})(?=[.,;:)]|$)`, "im");

function expectAgreement(text: string): void {
  expect(text).not.toMatch(WRONG_ONE);
  expect(text).not.toMatch(WRONG_TWO);
}

const PLUGIN = join(import.meta.dirname, "..", "..", "plugin");

test("no sentence joins a number and its noun by hand: plugin/words/amounts.ts does", () => {
  const found: string[] = [];
  const joined = new RegExp(`\\$\\{(?:[^{}]|\\{[^{}]*\\})*\\} (?:[a-z]+ )?(?:${NOUNS})s\\b`);
  for (const name of readdirSync(PLUGIN, { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith(".ts")) continue;
    for (const line of readFileSync(join(PLUGIN, name), "utf8").split("\n")) {
      // A table name or a file name before such a noun also matches `joined`.
      if (joined.test(line) && !/plural\(|amount\(|^\s*(\*|\/\/)/.test(line)) found.push(`${name}: ${line.trim()}`);
    }
  }
  expect(found.filter((line) => !NO_NUMBERS.some((words) => line.includes(words)))).toEqual([]);
});

/** In these lines, the value before the noun is not a number. */
const NO_NUMBERS: readonly string[] = [`byteLength("data")} as bytes`];

function finding(index: number): ConfirmedFinding {
  return {
    code: "truncated",
    severity: "blocking",
    sessionID: `ses_${index}`,
    kind: "part",
    recordID: `prt_${index}`,
    locator: { path: `storage/part/msg/prt_${index}.json` },
    remedy: "quarantine",
    evidence: "1 byte",
    store: 0,
    writtenMs: null,
    seen: { bytes: 1, sha256: "" },
    replacement: null,
  };
}

function item(index: number): ReportedItem {
  const { sessionID, recordID, kind, code } = finding(index);
  return { id: String(index), sessionID, recordID, kind, code, action: "quarantined" };
}

test.each([1, 2])("toasts and dialogs agree with %d", (count) => {
  const findings = Array.from({ length: count }, (_, index) => finding(index));
  const items = findings.map((_, index) => item(index));
  const notice = { trigger: "preload", runID: "run", items: [], remaining: [], warnings: [], stopped: null } as const;
  for (const text of [
    noticeSentence({ ...notice, items }),
    noticeSentence({ ...notice, items, remaining: findings }),
    noticeSentence({ ...notice, remaining: findings }),
    doneWords(items, "record"),
    toDoWords(findings),
    groupText({ sessionID: null, code: "truncated", findings }),
    sessionSentence(findings, "ses_0"),
  ]) {
    expectAgreement(text);
  }
});

test("a toast whose title is Session repair does not begin with it again", () => {
  const stopped = '"quarantine" in the quarantine is not a folder.';
  const notice = { trigger: "preload", runID: null, items: [], remaining: [], warnings: [], stopped } as const;
  expect(noticeSentence(notice)).toBe(stopped);
});

const stores: string[] = [];
afterAll(() => {
  for (const store of stores) rmSync(store, { recursive: true, force: true });
});

/**
 * A store with `count` sessions of missing folders. Each session has `count` messages of `count` parts, and one part of
 * each session is damaged.
 */
async function storeOf(generation: "files" | "rows", count: number): Promise<string> {
  const names = Array.from({ length: count }, (_, index) => `s${index + 1}`);
  const content = {
    projects: ["prj_one"],
    sessions: names.map((name) => sessionContent(name, "prj_one", count, count)),
  };
  const store = generation === "files" ? createJsonStore(content) : await createSqliteStore("1.18.33", content);
  stores.push(join(store.dataDir, ".."));
  loseFolders(store);
  // The damaged parts have one byte if `count` is 1, and two bytes otherwise.
  for (const name of names)
    store.overwrite(store.locatorOf("part", `prt_${name}1_1`), Buffer.from("{{".slice(0, count)));
  return store.dataDir;
}

test.each([
  ["files", 1],
  ["files", 2],
  ["rows", 1],
  ["rows", 2],
] as const)("every answer of the command line on %s agrees with %d", async (generation, count) => {
  const dataDir = await storeOf(generation, count);
  const said: string[] = [];
  const say = async (...args: string[]) => {
    const { stdout, stderr } = await askCli([...args, "--data-dir", dataDir]);
    said.push(stdout, stderr);
    return stdout;
  };
  await say("check");
  await say("report");
  await say("show", "ses_s1");
  await say("repair");
  await say("repair", "--dry-run");
  const runID = /restore (\S+)/.exec(await say("repair", "--yes"))?.[1] ?? "";
  await say("runs");
  await say("show", "ses_s1");
  await say("rescue");
  await say("purge", "--older-than", "0m");
  await say("restore", runID);
  await say("restore", runID, "--yes");
  await say("check");
  expect(runID).not.toBe("");
  for (const text of said) expectAgreement(text);
});
