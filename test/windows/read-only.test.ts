import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, statSync, truncateSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { storeImage } from "../host/store-image.ts";
import { windowsStore } from "./windows-store.ts";
import { HAS_WINE, onDriveZ, WindowsCommand } from "./wine.ts";

const MINUTE = 60_000;
const READ_ONLY = 0o444;

describe.skipIf(!HAS_WINE)("the read-only attribute of Windows", () => {
  let windows: WindowsCommand;
  beforeAll(async () => {
    windows = await WindowsCommand.start();
  }, 3 * MINUTE);
  afterAll(() => windows.stop());

  test(
    "what takes a read-only file's place has it, and the file has it again after the undo",
    async () => {
      const store = await windowsStore("1.1.65", "C:\\Users\\me");
      try {
        const [asked, answered] = store.sessions.plain.messages;
        const parts = [asked, answered].map((message) =>
          join(store.dataDir, "storage", "part", message?.id ?? "", `${message?.parts[0]?.id}.json`),
        );
        for (const [index, part] of parts.entries()) {
          truncateSync(part, index === 0 ? 0 : statSync(part).size - 3);
          utimesSync(part, 1e9, 1e9);
          chmodSync(part, READ_ONLY);
        }
        const before = await storeImage(store.dataDir);
        const place = ["--yes", "--json", "--data-dir", store.dataDir];
        const [repaired] = await windows.steps(["repair", ...place]);
        const { runID, verdict, items } = JSON.parse(repaired?.stdout ?? "{}");
        expect([repaired?.code, verdict, items.map(({ action }: { action: string }) => action).sort()]).toEqual([
          0,
          "healthy",
          ["quarantined", "recovered"],
        ]);
        const inPlace = parts.flatMap((part) => statSync(part, { throwIfNoEntry: false })?.mode ?? []);
        expect(inPlace.map((mode) => mode & 0o777)).toEqual([READ_ONLY]);
        const [undone] = await windows.steps(["restore", runID, ...place]);
        expect(undone?.code).toBe(0);
        expect(await storeImage(store.dataDir)).toEqual(before);
      } finally {
        await store.home.remove();
      }
    },
    10 * MINUTE,
  );

  test(
    "a read-only database is not called healthy, the command that helps is named, and its bytes stay",
    async () => {
      const store = await windowsStore("1.18.33", "C:\\Users\\me");
      try {
        const path = join(store.dataDir, "opencode.db");
        chmodSync(path, READ_ONLY);
        const before = await storeImage(store.dataDir);
        const [checked] = await windows.steps(["check", "--json", "--data-dir", store.dataDir]);
        const { verdict, findings } = JSON.parse(checked?.stdout ?? "{}");
        expect([checked?.code, verdict]).toEqual([1, "damaged"]);
        expect(findings).toContainEqual(
          expect.objectContaining({
            code: "access-denied",
            severity: "blocking",
            evidence: "it has the read-only attribute: may not be written",
            command: `attrib -R "${onDriveZ(path)}"`,
          }),
        );
        expect(await storeImage(store.dataDir)).toEqual(before);
      } finally {
        await store.home.remove();
      }
    },
    10 * MINUTE,
  );
});
