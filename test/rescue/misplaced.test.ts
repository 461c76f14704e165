import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { KnownFolders } from "../../plugin/rescue/known-folders.ts";
import { findMisplaced, type Known } from "../../plugin/rescue/misplaced.ts";
import type { SessionFacts } from "../../plugin/stores/conversation.ts";

/** What is said of a session of `global` in a folder. The world's clock is far from any of the file system's. */
async function saidOf(folder: string) {
  const session: SessionFacts = {
    ...{
      id: "ses_1",
      title: null,
      directory: folder,
      projectID: "global",
      path: folder.slice(1),
      parentID: null,
      version: null,
    },
    ...{ createdMs: Date.now(), updatedMs: Date.now(), archivedMs: null, hasRecord: true },
  };
  const known: Known = { sessions: [session], projects: [], isStrict: true };
  const folders = new KnownFolders(nodeFileSystem, { byRemote: true }, known.projects, known.sessions);
  const { misplaced } = await findMisplaced(nodeFileSystem, known, folders);
  return misplaced.map(({ cause, reason, target }) => ({ cause, reason, directory: target?.directory }));
}

test("a link that differs from its folder by case alone is a link: opencode lists nothing under it", async () => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "misplaced-")));
  try {
    const [folder, link] = [join(root, "notes"), join(root, "Notes")];
    mkdirSync(folder);
    symlinkSync(folder, link);
    expect(await saidOf(folder)).toEqual([]);
    expect(await saidOf(link)).toMatchObject([{ cause: "moved", directory: folder }]);
  } finally {
    rmSync(root, { recursive: true });
  }
});
