import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RecordWriter } from "../../plugin/opencode/record-writer.ts";
import { type Scratch, scratchFolder } from "../stores/scratch.ts";

let scratch: Scratch;
beforeEach(() => {
  scratch = scratchFolder(tmpdir());
  mkdirSync(join(scratch.path, "part"));
});
afterEach(() => scratch.remove());

/** A writer that cannot replace any file. On Windows, that is so if another program has the file open. */
function besideHolder(code: string): RecordWriter {
  const refused = () => {
    throw Object.assign(new Error(code), { code });
  };
  return new RecordWriter(join(scratch.path, "writes"), (path, text) => writeFile(path, text), refused);
}

test.each(["EPERM", "EACCES", "EBUSY", "UNKNOWN"])(
  "%s: a record that cannot be replaced is written in place",
  async (code) => {
    const writer = besideHolder(code);
    const path = join(scratch.path, "part", "prt_1.json");
    writeFileSync(path, "{}");
    expect(await writer.write(path, '{"version":2}')).toBe(13);
    expect(readFileSync(path, "utf8")).toBe('{"version":2}');
    // These writes come faster than the disk can take them. Each is answered before its record is in its place. That
    // happens when somebody reads the record, or at the end.
    for (let version = 3; version < 200; version += 1) await writer.write(path, JSON.stringify({ version }));
    writer.placeNow();
    expect(readFileSync(path, "utf8")).toBe('{"version":199}');
    expect(readdirSync(join(scratch.path, "writes"))).toEqual([]);
  },
);

test("a full disk is told, and is no reason to write in place", async () => {
  const writer = besideHolder("ENOSPC");
  const path = join(scratch.path, "part", "prt_1.json");
  writeFileSync(path, "{}");
  expect(await writer.write(path, '{"version":2}').catch((error: unknown) => error)).toMatchObject({ code: "ENOSPC" });
  expect(readFileSync(path, "utf8")).toBe("{}");
});
