import { expect, test } from "bun:test";
import { copyFileSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { sampleContent } from "../stores/content.ts";
import { createJsonStore } from "../stores/json-fixture.ts";
import { askCli } from "./cli-service.ts";

test("`repair` names the session that opencode no longer lists, and how to read it and to bring its record back", async () => {
  const store = createJsonStore(sampleContent());
  try {
    const before = store.image();
    const locator = store.locatorOf("session", "ses_c");
    store.overwrite(locator, Buffer.alloc(100));
    // The file gets an old time, because the tool treats a file as damaged only if it has not changed for a while.
    const old = new Date(Date.now() - 3_600_000);
    utimesSync(join(store.dataDir, "path" in locator ? locator.path : ""), old, old);
    const { stdout } = await askCli(["repair", "--yes", "--data-dir", store.dataDir]);
    expect(stdout).toContain("opencode no longer lists 1 session, because no part of the session's record was usable.");
    expect(stdout).toMatch(/To read it: opencode-session-repair show ses_c --data-dir /);
    const command = /To restore the damaged record: opencode-session-repair restore (\S+)/.exec(stdout)?.[1] ?? "";
    await askCli(["restore", command, "--yes", "--data-dir", store.dataDir]);
    const answer = JSON.parse((await askCli(["repair", "--yes", "--json", "--data-dir", store.dataDir])).stdout);
    expect(answer.unlisted.map(({ sessionID }: { sessionID: string }) => sessionID)).toEqual(["ses_c"]);
    expect(Object.keys(store.image()).length).toBe(Object.keys(before).length - 1);
  } finally {
    store.remove();
  }
});

test("a session of which only a copy is moved is still listed, and nothing else is said", async () => {
  const store = createJsonStore(sampleContent());
  try {
    const locator = store.locatorOf("session", "ses_c");
    const path = join(store.dataDir, "path" in locator ? locator.path : "");
    copyFileSync(path, path.replace(/\.json$/, " - Copy.json"));
    const repair = ["repair", "--only", "stray-file", "--yes", "--data-dir", store.dataDir];
    const { stdout } = await askCli(repair);
    expect(stdout).toContain("1 record quarantined");
    expect(stdout).not.toContain("no longer lists");
  } finally {
    store.remove();
  }
});
