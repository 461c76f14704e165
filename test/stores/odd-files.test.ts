import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, readFileSync, renameSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { askCli } from "../command-line/cli-service.ts";
import { checkAndRepair } from "../repair/tool.ts";
import { sampleContent } from "./content.ts";
import { createJsonStore } from "./json-fixture.ts";
import type { StoreUnderTest } from "./store-under-test.ts";

const PART = "storage/part/msg_a1/prt_a1_1.json";

/** A time in seconds that is long ago, so that no process seems to be writing the file. */
const SETTLED = 1_700_000_000;

let store: StoreUnderTest;

beforeEach(() => {
  store = createJsonStore(sampleContent());
});

afterEach(() => store.remove());

const at = (path: string) => join(store.dataDir, path);

function write(path: string, bytes: string | Buffer): void {
  writeFileSync(at(path), bytes);
  utimesSync(at(path), SETTLED, SETTLED);
}

/** Runs a check of the whole store as a user does, and returns the problem code of each record. */
async function found(): Promise<Record<string, string>> {
  const { findings } = JSON.parse((await askCli(["check", "--json", "--data-dir", store.dataDir])).stdout);
  return Object.fromEntries(findings.map(({ recordID, code }: Record<string, string>) => [recordID, code]));
}

test("half a letter at the end of UTF-16, which the hosts leave out, is no damage", async () => {
  const text = readFileSync(at(PART), "utf8");
  const bytes = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, "utf16le"), Buffer.from([0x20])]);
  write(PART, bytes);
  expect(await found()).toEqual({});
  await checkAndRepair(store.dataDir);
  expect(readFileSync(at(PART)).equals(bytes)).toBe(true);
});

test("a name is compared with an id letter for letter, also where they are not ASCII", async () => {
  const path = store.locatorOf("session", "ses_a");
  const record = "path" in path ? path.path : "";
  const folder = record.slice(0, record.lastIndexOf("/"));
  const session = JSON.parse(readFileSync(at(record), "utf8"));
  const put = (name: string, id: string) => write(`${folder}/${name}.json`, JSON.stringify({ ...session, id }));
  put("ses_é1", "ses_é1");
  // The UTF-8 bytes of this id, read as Latin-1, are the file name.
  put("ses_Ã©2", "ses_é2");
  expect(await found()).toEqual({ "ses_Ã©2": "id-differs" });
});

test("messages behind a link are looked at, since the hosts follow it", async () => {
  mkdirSync(at("elsewhere"));
  renameSync(at("storage/message/ses_a"), at("elsewhere/ses_a"));
  symlinkSync(at("elsewhere/ses_a"), at("storage/message/ses_a"));
  expect(await found()).toEqual({});
  write(PART, "");
  expect(await found()).toEqual({ prt_a1_1: "empty" });
});
