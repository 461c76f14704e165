import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { nodeForWindows } from "../stores/node-release.ts";
import { windowsStore } from "./windows-store.ts";
import { HAS_WINE, NODE_VERSION, onDriveZ, WindowsCommand } from "./wine.ts";

/** The newest version of Node without SQLite. */
const WITHOUT_SQLITE = "20.20.2";

describe.skipIf(!HAS_WINE)("Node without SQLite on Windows", () => {
  let windows: WindowsCommand;
  let folder: string;

  beforeAll(async () => {
    windows = await WindowsCommand.start(WITHOUT_SQLITE);
    // The name has no space, because Wine's cmd.exe does not know `^ `. The cmd.exe of Windows knows it.
    folder = await mkdtemp(join(windows.driveC, "Jörgs-bunte-"));
    const node = onDriveZ(await nodeForWindows(NODE_VERSION));
    await writeFile(join(folder, "node.cmd"), `@echo off\r\n"${node}" %*\r\n`);
    await writeFile(join(folder, "opencode.cmd"), "@echo off\r\necho 1.18.33\r\n");
  });

  afterAll(async () => {
    await windows.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test("programs that are `.cmd` files are started, also in a folder with letters beyond ASCII and `bun` in its name", async () => {
    const store = await windowsStore("1.18.33", "C:\\Users\\Jörg Müller\\app");
    try {
      const path = `C:\\${basename(folder)};C:\\windows\\system32`;
      const doctor = windows.commandWithPath(path, "doctor", "--data-dir", store.dataDir);
      await doctor.ended;
      const [said, noted] = [await readFile(doctor.stdout, "utf8"), await readFile(doctor.stderr, "utf8")];
      expect(noted).toContain(`Node ${WITHOUT_SQLITE} has no SQLite; using another Node`);
      expect(said).toContain("opencode: opencode 1.18.33");
      expect(said).toContain(`runtime: Node ${NODE_VERSION} with SQLite`);
    } finally {
      await store.home.remove();
    }
  });
});
