import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { runCli } from "../command-line/cli-process.ts";
import { IS_WHOLE } from "../process/whole.ts";
import { nodeRelease } from "../stores/node-release.ts";
import { builtPackage } from "./built.ts";
import { type Reading, TriedStores, tryNode } from "./node-lines.ts";

/**
 * The oldest Node for each way of reading databases. The first of them is the oldest Node that `engines` allows.
 * `npm run test:whole` also tries the newest Node for each way. `npm run test:node` tries every Node line
 * (docs/node-versions.md).
 */
const SAMPLE: readonly (readonly [version: string, reading: Reading, isBehindFlag: boolean])[] = [
  ["20.0.0", "no SQLite", false],
  ["22.5.1", "private copies", true],
  ["22.14.0", "private copies", false],
  ["24.0.2", "in place", false],
];

const NEWEST: typeof SAMPLE = [
  ["20.10.0", "no SQLite", false],
  ["22.12.0", "private copies", true],
  ["23.0.0", "private copies", true],
  ["26.12.1", "in place", false],
];

const stores = new TriedStores();
beforeAll(() => stores.create());
afterAll(() => stores.remove());

test.each(IS_WHOLE ? [...SAMPLE, ...NEWEST] : SAMPLE)(
  "Node %s alone reads databases: %s; it checks, repairs and undoes, or says that it cannot",
  async (version, reading, isBehindFlag) => {
    const line = await tryNode(await nodeRelease(version), await builtPackage(), stores);
    expect(line).toEqual({ node: version, reading, isBehindFlag, problems: [] });
  },
);

test("without SQLite, a database beside JSON storage gets no verdict from any command; the quarantine is still listed", async () => {
  const dataDir = stores.copy("json", "healthy");
  cpSync(stores.copy("sqlite", "healthy"), dataDir, { recursive: true });
  const common = { runtime: await nodeRelease("20.10.0"), entry: join(await builtPackage(), "cli.js") };
  const run = (line: string) =>
    runCli([...line.split(" "), "--data-dir", dataDir], { ...common, env: { PATH: join(dataDir, "none") } });
  for (const line of ["check", "repair --yes", "rescue", "salvage --yes", "show ses_a", "report"]) {
    const [text, json] = [await run(line), await run(`${line} --json`)];
    expect([line, text.code, text.stdout, json.code]).toEqual([line, 2, "", 2]);
    expect(text.stderr).toContain("Node 20.10.0 has no SQLite");
    expect(text.stderr).toContain(`Run: npx -p node@24 -p opencode-session-repair opencode-session-repair ${line} `);
    expect(JSON.parse(json.stdout)).toMatchObject({ reason: "no-runtime", verdict: null });
  }
  expect((await run("runs")).code).toBe(0);
});
