import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PROFILES } from "../../plugin/hosts/v2/profiles.ts";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { folderFindings2x } from "../../plugin/repair/folders-2x.ts";

let base: string;

beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), "folders-2x-"));
  mkdirSync(join(base, "real"));
  writeFileSync(join(base, "file"), "");
  for (const [name, to] of [
    ["link", "real"],
    ["dangling", "nowhere"],
    ["circle", "circle"],
  ] as const)
    symlinkSync(join(base, to), join(base, name));
});

afterAll(() => rmSync(base, { recursive: true }));

const gone = async (directory: string, files: Parameters<typeof folderFindings2x>[0] = nodeFileSystem) => {
  const sessions = [{ sessionID: "ses_1", directory, updatedMs: 5 }];
  return (await folderFindings2x(files, PROFILES["2 preview"], sessions, 0)).map(({ evidence }) => evidence);
};

/** The opencode 2 preview rejects each of these as a folder (measured). */
test.each(["dangling", "circle", "file", "file/x", "gone", "gone/a", "x".repeat(300)])(
  "%s is not a folder",
  async (name) => {
    expect(await gone(join(base, name))).toEqual([
      "its folder is not there; in opencode 2 preview (1.18.18) it stops the session, the messages of its session and its prompts",
    ]);
  },
);

test.each(["real", "link", "real/../real"])("%s is one", async (name) => {
  expect(await gone(`${base}/${name}`)).toEqual([]);
});

test("of a folder that may not be looked at nothing is said", async () => {
  const denied = () => Promise.reject(Object.assign(new Error("denied"), { code: "EACCES" }));
  expect(await gone("/somewhere", { realPath: denied, stat: denied })).toEqual([]);
});
