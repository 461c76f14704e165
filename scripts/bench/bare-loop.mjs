import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * The baseline for the check of JSON files. Lists a folder, and reads and parses every `.json` file below it, with
 * several files at once. Does nothing else. Runs in Bun and in Node: `bare-loop.mjs FOLDER CONCURRENCY`.
 */
const [folder = "", concurrency = "16"] = process.argv.slice(2);
const names = await readdir(folder, { recursive: true });
const paths = names.filter((name) => name.endsWith(".json")).values();
let bytes = 0;
async function lane() {
  for (const name of paths) {
    const text = await readFile(join(folder, name), "utf8");
    JSON.parse(text);
    bytes += text.length;
  }
}
await Promise.all(Array.from({ length: Number(concurrency) }, lane));
process.stdout.write(`${bytes}\n`);
