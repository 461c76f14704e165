import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cp, mkdir, rm, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runCli } from "../command-line/cli-process.ts";
import { HOST_VERSIONS, type HostVersion, isJsonHost, minorOf } from "../host/binary.ts";
import { openDatabase } from "../host/record-place.ts";
import { type StoreImage, storeImage } from "../host/store-image.ts";
import { type WindowsStore, windowsStore } from "./windows-store.ts";
import { HAS_WINE, onDriveZ, WindowsCommand } from "./wine.ts";

const MINUTE = 60_000;

interface Answer {
  readonly verdict: string | null;
  readonly runID: string | null;
  readonly stores: readonly { readonly system?: string; readonly database?: string }[];
  readonly findings: readonly { readonly code: string; readonly severity: string; readonly recordID: string }[];
  readonly items: readonly { readonly action: string; readonly code: string; readonly reason?: string }[];
  readonly hidden: readonly { readonly cause: string }[];
}

describe.skipIf(!HAS_WINE)("Node for Windows", () => {
  let windows: WindowsCommand;
  const stores = new Map<HostVersion, WindowsStore>();
  const storeOf = (version: HostVersion) => stores.get(version) ?? missing();

  beforeAll(async () => {
    windows = await WindowsCommand.start();
    for (const version of HOST_VERSIONS) {
      // The user name has a space and a letter that is not ASCII.
      const folder = `C:\\Users\\Jörg Müller\\${version}`;
      stores.set(version, await windowsStore(version, folder));
      await mkdir(join(windows.driveC, "Users", "Jörg Müller", version), { recursive: true });
    }
  }, 3 * MINUTE);

  afterAll(async () => {
    for (const store of stores.values()) await store.home.remove();
    await windows.stop();
  });

  async function answers(...steps: readonly (readonly string[])[]): Promise<(Answer & { readonly code: number })[]> {
    const results = await windows.steps(...steps.map((args) => [...args, "--json"]));
    return results.map(({ code, stdout, stderr }) => {
      expect(stderr).not.toContain("This tool hit a bug");
      return { ...(JSON.parse(stdout) as Answer), code };
    });
  }

  test(
    "a healthy store of Windows has no finding, on Windows and on Linux",
    async () => {
      const checked = await answers(
        ...HOST_VERSIONS.map((version) => ["check", "--data-dir", storeOf(version).dataDir]),
      );
      for (const [index, version] of HOST_VERSIONS.entries()) {
        const here = await runCli(["check", "--json", "--data-dir", storeOf(version).dataDir]);
        for (const answer of [checked[index], JSON.parse(here.stdout) as Answer]) {
          expect([version, answer?.verdict, answer?.findings]).toEqual([version, "healthy", []]);
          expect(answer?.stores[0]?.system).toBe("windows");
        }
      }
    },
    6 * MINUTE,
  );

  test(
    "nothing is hidden while the folder is there; a folder that was moved is found by what the user says",
    async () => {
      const store = storeOf("1.18.33");
      const [place, elsewhere] = ["1.18.33", "moved"].map((name) => join(windows.driveC, "Users", "Jörg Müller", name));
      await cp(store.project, place ?? "", { recursive: true });
      await writeFile(join(place ?? "", ".git", "opencode"), store.projectID);
      await cp(place ?? "", elsewhere ?? "", { recursive: true });
      const to = "C:\\Users\\Jörg Müller\\moved";
      const move = [
        "rescue",
        "--relink",
        "--from",
        store.folder.toLowerCase(),
        "--to",
        to,
        "--data-dir",
        store.dataDir,
      ];
      const before = await storeImage(store.dataDir);
      const [shown] = await answers(["rescue", "--dry-run", "--data-dir", store.dataDir]);
      expect(shown?.hidden).toEqual([]);
      await rm(place ?? "", { recursive: true });
      const [gone, moved, shownAgain] = await answers(
        ["check", "--data-dir", store.dataDir],
        [...move, "--yes"],
        ["rescue", "--dry-run", "--data-dir", store.dataDir],
      );
      expect(gone?.findings.map(({ code }) => code)).toEqual(["folder-missing"]);
      expect([moved?.code, moved?.hidden, shownAgain?.hidden]).toEqual([0, [], []]);
      {
        using database = openDatabase(store);
        const folders = database.query("select distinct directory from session").all();
        expect(folders).toEqual([{ directory: "C:/Users/Jörg Müller/moved" }]);
      }
      await answers(["restore", moved?.runID ?? "", "--yes", "--data-dir", store.dataDir]);
      expect(await storeImage(store.dataDir)).toEqual(before);
      await mkdir(place ?? "");
    },
    6 * MINUTE,
  );

  test(
    "without a data directory it is that of USERPROFILE, as opencode decides, whatever HOME and the code page are",
    async () => {
      const { dataDir } = storeOf("1.18.33");
      // No code page of one byte contains all these letters.
      for (const name of ["Jörg Müller", "Ольга 李"]) {
        const place = join(windows.driveC, "Users", name, ".local", "share", "opencode");
        await cp(dataDir, place, { recursive: true });
        const home = `C:\\Users\\${name}`;
        const [checked] = await answers([`USERPROFILE=${home}`, "HOME=C:\\windows", "check"]);
        await rm(place, { recursive: true });
        expect([checked?.verdict, checked?.stores]).toMatchObject([
          "healthy",
          [{ dataDir: `${home}\\.local\\share\\opencode`, system: "windows" }],
        ]);
      }
    },
    6 * MINUTE,
  );

  test(
    "OPENCODE_DB may be written with other slashes and letters than the data directory",
    async () => {
      const { dataDir } = storeOf("1.18.33");
      const other = join(dataDir, "mine.db");
      await cp(join(dataDir, "opencode.db"), other);
      const named = onDriveZ(other).replaceAll("\\", "/").replace("Z:", "z:");
      const [checked] = await answers([`OPENCODE_DB=${named}`, "check", "--data-dir", dataDir]);
      await rm(other);
      expect(checked?.stores.map(({ database }) => database?.split("\\").at(-1))).toEqual(["mine.db"]);
    },
    6 * MINUTE,
  );

  test(
    "a file with a name that Windows opens for no program stays, with the reason; others are quarantined",
    async () => {
      const { dataDir, sessions } = storeOf("1.1.65");
      const folder = join(dataDir, "storage", "part", sessions.plain.messages[1]?.id ?? "");
      const odd = ["prt_a:b.json", "prt_space.json ", "con.json"].map((name) => join(folder, name));
      for (const path of [...odd, join(folder, "prt_ü李.json")]) {
        await writeFile(path, "");
        await utimes(path, 1e9, 1e9);
      }
      const before = await storeImage(dataDir);
      const place = ["--yes", "--data-dir", dataDir];
      const [repaired, undone] = await answers(["repair", ...place], ["restore", "last", ...place]);
      const reasons = repaired?.items.map(({ action, reason }) => [action, reason?.split(" ")[0]]);
      expect(reasons?.sort()).toEqual([["quarantined", undefined], ...odd.map(() => ["skipped", "Windows"])]);
      expect([repaired?.code, undone?.code, await storeImage(dataDir)]).toEqual([1, 0, before]);
      for (const path of [...odd, join(folder, "prt_ü李.json")]) await rm(path);
    },
    6 * MINUTE,
  );

  test(
    "real damage in a store of Windows is found, repaired and undone byte for byte",
    async () => {
      const before = new Map<HostVersion, StoreImage>();
      const expected = new Map<HostVersion, readonly string[]>();
      for (const version of HOST_VERSIONS) {
        expected.set(version, await damage(storeOf(version)));
        before.set(version, await storeImage(storeOf(version).dataDir));
      }
      const repaired = await answers(
        ...HOST_VERSIONS.map((version) => ["repair", "--yes", "--data-dir", storeOf(version).dataDir]),
      );
      for (const [index, version] of HOST_VERSIONS.entries()) {
        const codes = repaired[index]?.items.map(({ code }) => code).sort();
        expect([version, codes]).toEqual([version, [...(expected.get(version) ?? [])].sort()]);
        expect([version, repaired[index]?.code, repaired[index]?.verdict]).toEqual([version, 0, "healthy"]);
        if (minorOf(version) >= 17) expectFolders(storeOf(version));
      }
      const restored = await answers(
        ...HOST_VERSIONS.map((version, index) => [
          ...["restore", repaired[index]?.runID ?? "", "--yes", "--data-dir", storeOf(version).dataDir],
        ]),
      );
      expect(restored.map(({ code }) => code)).toEqual(HOST_VERSIONS.map(() => 0));
      for (const version of HOST_VERSIONS) {
        expect([version, await storeImage(storeOf(version).dataDir)]).toEqual([version, before.get(version) ?? {}]);
      }
    },
    6 * MINUTE,
  );
});

/** Damages records as crashes and clients do. Returns the codes that a check must find. */
async function damage(store: WindowsStore): Promise<string[]> {
  const { home, dataDir, sessions, projectID } = store;
  const [, answered] = sessions.plain.messages;
  if (isJsonHost(home.version)) {
    const part = join(dataDir, "storage", "part", answered?.id ?? "", `${answered?.parts[0]?.id}.json`);
    await truncate(part, Math.floor((await stat(part)).size / 2));
    const message = join(
      dataDir,
      "storage",
      "message",
      sessions.conversation.id,
      `${sessions.conversation.messages[0]?.id}.json`,
    );
    await writeFile(message, "");
    for (const path of [part, message]) await utimes(path, new Date(0), new Date(0));
    return ["truncated", "empty"];
  }
  using database = openDatabase(store);
  database.run("update part set data = substr(data, 1, 20) where id = ?", [answered?.parts[0]?.id ?? ""]);
  if (minorOf(home.version) < 17) return ["truncated"];
  database.run("update session set directory = 'http://localhost:3333/x' where id = ?", [sessions.conversation.id]);
  database.run("update project set sandboxes = ? where id = ?", [
    JSON.stringify(["C:/Users/Jörg Müller", "side"]),
    projectID,
  ]);
  return ["truncated", "path-not-absolute", "path-not-absolute"];
}

/** Expects that a folder of Windows replaces each damaged folder, and that the valid entries of a list stay. */
function expectFolders(store: WindowsStore): void {
  const { sessions, projectID, folder } = store;
  using database = openDatabase(store);
  const session = database.query("select directory from session where id = ?").get(sessions.conversation.id);
  expect(session).toEqual({ directory: folder.replaceAll("\\", "/") });
  const project = database.query("select worktree, sandboxes from project where id = ?").get(projectID);
  expect(project).toEqual({ worktree: folder.replaceAll("\\", "/"), sandboxes: '["C:/Users/Jörg Müller"]' });
}

function missing(): never {
  throw new Error("there is no such store");
}
