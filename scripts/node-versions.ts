import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { builtPackage } from "../test/package/built.ts";
import { type NodeLine, TriedStores, tryNode } from "../test/package/node-lines.ts";
import { newestOfEachLine, nodeRelease } from "../test/stores/node-release.ts";

/** The oldest Node release that `engines` in package.json allows. */
const OLDEST_MAJOR = 20;

const DOCUMENT = join(import.meta.dirname, "..", "docs", "node-versions.md");
const BEGIN = "<!-- table: npm run test:node -->\n";
const END = "<!-- /table -->";
const HEAD = "| Node | how databases are read | problems |\n|---|---|---|\n";

/**
 * Tries the published command in the named releases of Node. Without a name, the newest release of each minor version
 * is tried. Each result is written to the table in docs/node-versions.md.
 */
const named = process.argv.slice(2);
const dist = await builtPackage();
const stores = await new TriedStores().create();
try {
  for (const version of named.length > 0 ? named : await newestOfEachLine(OLDEST_MAJOR)) {
    const line = await tryNode(await nodeRelease(version), dist, stores);
    if (line.problems.length > 0) process.exitCode = 1;
    process.stdout.write(`${row(line)}\n`);
    for (const problem of line.problems) process.stderr.write(`  ${problem}\n`);
    await record(line);
  }
} finally {
  stores.remove();
}

async function record(line: NodeLine): Promise<void> {
  const text = await readFile(DOCUMENT, "utf8");
  const [before = "", rest = ""] = text.split(BEGIN);
  const [table = "", after = ""] = rest.split(END);
  const others = table.split("\n").filter((each) => /^\| \d/.test(each) && !each.startsWith(`| ${line.node} `));
  const rows = [...others, row(line)].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  await writeFile(DOCUMENT, `${before}${BEGIN}${HEAD}${rows.join("\n")}\n${END}${after}`);
}

function row({ node, reading, isBehindFlag, problems }: NodeLine): string {
  const flag = isBehindFlag ? ", with `--experimental-sqlite`" : "";
  const how = reading === "no SQLite" ? "no SQLite: exit status 2" : `${reading}${flag}`;
  return `| ${node} | ${how} | ${problems.length === 0 ? "none" : problems.length} |`;
}
