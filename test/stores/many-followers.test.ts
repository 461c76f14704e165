import { expect, test } from "bun:test";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { sha256 } from "../../plugin/platform/hash.ts";
import { newRunID } from "../../plugin/quarantine/run-id.ts";
import { createRunFolder } from "../../plugin/quarantine/vault.ts";
import type { Operation } from "../../plugin/stores/writer.ts";
import { sessionContent } from "./content.ts";
import { createSqliteStore } from "./sqlite-fixture.ts";
import { openOnly } from "./store-under-test.ts";

const PARTS = 3;

/** Counts how often `prepare` reads the place of an operation while it captures this many messages with their parts. */
async function placesLookedAt(messages: number): Promise<number> {
  const content = { projects: ["prj_one"], sessions: [sessionContent("a", "prj_one", messages, PARTS)] };
  const store = await createSqliteStore("1.18.33", content);
  try {
    let looks = 0;
    const operation = (kind: "message" | "part", recordID: string): Operation => {
      const place = store.locatorOf(kind, recordID);
      const bytes = store.bytesAt(place) ?? Buffer.alloc(0);
      return {
        ...{ kind, recordID, sessionID: "ses_a", code: "malformed", evidence: "", remedy: "quarantine" },
        get locator() {
          looks += 1;
          return place;
        },
        seen: { bytes: bytes.length, sha256: sha256(bytes) },
        replacement: null,
      };
    };
    const operations = content.sessions.flatMap((session) =>
      session.messages.flatMap(({ id, parts }) => [
        operation("message", id),
        ...parts.map((part) => operation("part", part.id)),
      ]),
    );
    const { openWriter } = await openOnly(nodeFileSystem, store.dataDir);
    const writer = await openWriter();
    const run = await createRunFolder(nodeFileSystem, store.dataDir, "ses_a", newRunID(Date.now()));
    const { items, skipped } = await writer.prepare(operations, run, { taken: 0, inBundles: true });
    writer.close();
    expect(skipped).toEqual([]);
    // Each part belongs to the item of its message, and keeps its own finding.
    expect(items.filter(({ partOf }) => partOf !== undefined).length).toBe(messages * PARTS);
    expect(new Set(items.map(({ recordID }) => recordID)).size).toBe(messages * (1 + PARTS));
    return looks;
  } finally {
    store.remove();
  }
}

test("what leaves with its message is found without a look at every operation", async () => {
  const few = await placesLookedAt(20);
  const many = await placesLookedAt(200);
  expect(many).toBeLessThanOrEqual(few * 11);
});
