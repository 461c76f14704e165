import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Finding } from "../../plugin/model/finding.ts";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { check } from "../../plugin/repair/check.ts";
import { canDropPrivileges, runCli } from "../command-line/cli-process.ts";
import { sampleContent } from "./content.ts";
import { createJsonStore } from "./json-fixture.ts";
import { located, type StoreUnderTest } from "./store-under-test.ts";

const AT = "storage/session_diff/ses_a.json";

/** The user id with which `runCli` runs a command without privileges. */
const NOBODY = 65_534;

let store: StoreUnderTest;
let target: string;

beforeEach(() => {
  store = createJsonStore(sampleContent());
  target = join(dirname(store.dataDir), "elsewhere", "diffs.json");
  for (const path of [target, join(store.dataDir, AT)]) mkdirSync(dirname(path), { recursive: true });
  writeFileSync(target, "[]");
  symlinkSync(target, join(store.dataDir, AT));
});

afterEach(() => store.remove());

describe.if(canDropPrivileges())("the diffs of a session are behind a link", () => {
  test.each([
    ["a file", () => chmodSync(target, 0o600)],
    ["a folder", () => chmodSync(dirname(target), 0o700)],
  ])("to %s of another user: the link is named, and not called healthy", async (_, close) => {
    chmodSync(dirname(store.dataDir), 0o755);
    chownSync(store.dataDir, NOBODY, NOBODY);
    for (const name of readdirSync(store.dataDir, { recursive: true, encoding: "utf8" }))
      if (join(store.dataDir, name) !== join(store.dataDir, AT)) chownSync(join(store.dataDir, name), NOBODY, NOBODY);
    const findings = async () => {
      const { stdout } = await runCli(["check", "--json", "--data-dir", store.dataDir], { unprivileged: true });
      return JSON.parse(stdout).findings as Finding[];
    };
    expect(await findings()).toEqual([]);
    close();
    const denied = { code: "access-denied", kind: "session_diff", remedy: "report", locator: { path: AT } };
    expect(await findings()).toMatchObject([denied]);
  });
});

test("the system fails to follow the link to diffs: the diffs are not called healthy", async () => {
  const files: typeof nodeFileSystem = {
    ...nodeFileSystem,
    realPath(path) {
      if (path.endsWith(AT)) throw Object.assign(new Error("input/output error"), { code: "EIO" });
      return nodeFileSystem.realPath(path);
    },
  };
  const place = await located(nodeFileSystem, store.dataDir);
  const outcome = await check({ files, located: place, sessionIDs: [], concurrency: 4, hostVersion: null });
  if (!outcome.ok) throw new Error("the check does not know the session");
  expect(outcome.result.findings).toMatchObject([{ code: "unavailable", evidence: "EIO", locator: { path: AT } }]);
});
