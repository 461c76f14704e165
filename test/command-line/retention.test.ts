import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { checkAndRepair } from "../repair/tool.ts";
import { sampleContent } from "../stores/content.ts";
import { createJsonStore } from "../stores/json-fixture.ts";
import { askCli } from "./cli-service.ts";

test("runs tells the size, warns of a large quarantine, and only a purge deletes, by age and confirmed", async () => {
  const store = createJsonStore(sampleContent());
  const { dataDir } = store;
  store.overwrite(store.locatorOf("part", "prt_a1_1"), Buffer.from("{"));
  const { manifests } = await checkAndRepair(dataDir);
  const manifest = manifests[0] ?? "";
  const small = JSON.parse((await askCli(["runs", "--json", "--data-dir", dataDir])).stdout);
  expect([small.runs.length, small.warnings]).toEqual([1, []]);
  expect(small.bytes).toBeGreaterThan(100);
  expect((await askCli(["purge", "--older-than", "1h", "--data-dir", dataDir, "--yes"])).stdout).toContain(
    "No runs are older than 1h.",
  );
  writeFileSync(join(dirname(manifest), "safety", "large"), "");
  truncateSync(join(dirname(manifest), "safety", "large"), 2_000_000_000);
  const text = await askCli(["runs", "--data-dir", dataDir]);
  expect(text.stdout).toContain("2.0 GB in all.");
  expect(text.stdout).toContain(
    `The quarantine is large: 2.0 GB. To delete runs older than 30 days: opencode-session-repair purge --older-than 30d --data-dir ${dataDir}`,
  );
  // Other commands must not delete a quarantine, even a large and old one.
  writeFileSync(
    manifest,
    readFileSync(manifest, "utf8").replace(/"createdAt": "[^"]+"/, '"createdAt": "2020-01-01T00:00:00.000Z"'),
  );
  store.overwrite(store.locatorOf("part", "prt_a1_2"), Buffer.from("{"));
  await checkAndRepair(dataDir);
  expect(existsSync(manifest)).toBe(true);
  const asked = await askCli(["purge", "--older-than", "30d", "--data-dir", dataDir]);
  expect([asked.code, existsSync(manifest)]).toEqual([1, true]);
  expect(asked.stdout).toContain("1 of these originals exists nowhere else.");
  expect(asked.stdout).not.toContain("were restored");
  // The run of a restored record prevents that the plugin repairs the record again. `purge` warns before it deletes
  // such a run.
  const [recent = ""] = readdirSync(join(dataDir, "quarantine", "ses_a")).filter((name) => !manifest.includes(name));
  expect((await askCli(["restore", recent, "--data-dir", dataDir, "--yes"])).stdout).toContain(
    "Undone: 1 record restored",
  );
  const all = await askCli(["purge", "--older-than", "0d", "--data-dir", dataDir]);
  expect(all.stdout).toContain(
    "Records of 1 run were restored. If this run is deleted, the plugin may repair these records again at the next start of opencode.",
  );
  const purged = await askCli(["purge", "--older-than", "30d", "--data-dir", dataDir, "--yes"]);
  expect([purged.code, existsSync(manifest)]).toEqual([0, false]);
  expect(readdirSync(join(dataDir, "quarantine", "ses_a"))).toHaveLength(1);
  store.remove();
});
