import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * What a check of files is compared with: lists a folder, reads and parses every `.json` file below it with so many
 * files at once, and does nothing else. Runs in Bun and in Node: `bare-loop.mjs FOLDER CONCURRENCY`.
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
