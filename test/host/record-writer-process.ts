/**
 * `bun test/host/record-writer-process.ts DATA-DIR exit|write`
 * Writes records. With `exit`, the process ends while records may still be on their way. With `write`, it writes until
 * it is killed.
 */
import { join } from "node:path";
import { guardHostWrites } from "../../plugin/opencode/atomic-writes.ts";

const [dataDir = "", end] = process.argv.slice(2);
guardHostWrites(dataDir, "1.1.65");
for (let version = 0; end === "write" || version < 500; version += 1) {
  const record = { version, text: "word ".repeat(version % 3000) };
  await Bun.write(join(dataDir, "storage", "part", "msg_1", `prt_${version % 2}.json`), JSON.stringify(record));
  if (version % 2 === 0) process.stdout.write(`${version}\n`);
}
process.exit();
