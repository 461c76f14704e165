import { Database } from "bun:sqlite";
import { afterAll, describe, expect, test } from "bun:test";
import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HostVersion } from "./binary.ts";
import { removeHomes } from "./home.ts";
import { startHost } from "./running-host.ts";
import { type RealStore, realStore } from "./stored-fixture.ts";
import { blockingOf, toolFor } from "./tool.ts";

afterAll(removeHomes);

/** Paths of another worktree, and the code of the finding if opencode fails with this path. */
const PLACES: readonly [name: string, path: (root: string) => string, code: string | null][] = [
  ["nothing is there", (root) => join(root, "gone"), null],
  ["a file is on the way", (root) => join(root, "file", "tree"), "worktree-unreachable"],
  ["a circle of links is on the way", (root) => join(root, "circle", "tree"), "worktree-unreachable"],
  ["the name is too long", (root) => join(root, "é".repeat(200)), "schema-mismatch"],
  ["the path contains a NUL", (root) => `${root}/a\0b`, "schema-mismatch"],
];

/** Versions, and whether an error about another worktree makes them fail. */
const HOSTS: readonly [version: HostVersion, looksUp: boolean][] = [
  ["1.2.27", false],
  ["1.14.41", true],
  ["1.18.33", true],
];

function name(store: RealStore, path: string): void {
  using database = new Database(join(store.dataDir, "opencode.db"));
  database.query("update project set sandboxes = ? where id = ?").run(JSON.stringify([path]), store.projectID);
}

function named(store: RealStore): unknown {
  using database = new Database(join(store.dataDir, "opencode.db"));
  return database.query("select sandboxes from project where id = ?").values(store.projectID)[0]?.[0];
}

/** The status of opencode's session list after a start. */
async function answerOf(store: RealStore): Promise<number> {
  const host = await startHost({ home: store.home });
  try {
    return (await host.get("/session")).status;
  } finally {
    await host.stop();
  }
}

describe.each(HOSTS)("another worktree of a project on %s", (version, looksUp) => {
  test.each(PLACES)("%s", async (_, path, code) => {
    const store = await realStore(version);
    try {
      writeFileSync(join(store.home.root, "file"), "x");
      symlinkSync(join(store.home.root, "circle"), join(store.home.root, "circle"));
      const listed = path(store.home.root);
      name(store, listed);
      const tool = await toolFor(store.dataDir);
      const blocking = blockingOf(await tool.check()).map((each) => each.code);
      expect(blocking).toEqual(looksUp && code !== null ? [code] : []);
      if (looksUp && code === "schema-mismatch") {
        const { runID } = await tool.repair();
        expect(named(store)).toBe("[]");
        await tool.restore(runID ?? "");
        expect(named(store)).toBe(JSON.stringify([listed]));
      }
      expect(await answerOf(store)).toBe(blocking.length > 0 ? 500 : 200);
    } finally {
      await store.home.remove();
    }
  });
});
