import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { builtPackage } from "../test/package/built.ts";
import { type NodeLine, TriedStores, tryNode } from "../test/package/node-lines.ts";
import { newestOfEachLine, nodeRelease } from "../test/stores/node-release.ts";

/** `engines` in package.json. */
const OLDEST_MAJOR = 20;

const DOCUMENT = join(import.meta.dirname, "..", "docs", "node-versions.md");
const BEGIN = "<!-- table: npm run test:node -->";
const END = "<!-- /table -->";

/** Tries the published command in the newest release of every minor line of Node, and writes the table of it. */
const dist = await builtPackage();
const stores = await new TriedStores().create();
const lines: NodeLine[] = [];
try {
  for (const version of await newestOfEachLine(OLDEST_MAJOR)) {
    const line = await tryNode(await nodeRelease(version), dist, stores);
    lines.push(line);
    process.stdout.write(`${row(line)}\n`);
    for (const problem of line.problems) process.stderr.write(`  ${problem}\n`);
  }
} finally {
  stores.remove();
}
const text = await readFile(DOCUMENT, "utf8");
const table = ["| Node | databases are read | JSON storage | problems |", "|---|---|---|---|", ...lines.map(row)].join(
  "\n",
);
const [before = "", rest = ""] = text.split(BEGIN);
await writeFile(DOCUMENT, `${before}${BEGIN}\n${table}\n${END}${rest.split(END)[1] ?? "\n"}`);
if (lines.some(({ problems }) => problems.length > 0)) process.exitCode = 1;

function row({ node, reading, isBehindFlag, problems }: NodeLine): string {
  const how =
    reading === "no SQLite"
      ? "no SQLite: status 2, no verdict"
      : `${reading}${isBehindFlag ? ", started again with `--experimental-sqlite`" : ""}`;
  return `| ${node} | ${how} | yes | ${problems.length === 0 ? "none" : String(problems.length)} |`;
}
