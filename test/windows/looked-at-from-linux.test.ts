import { expect, test } from "bun:test";
import { askCli } from "../command-line/cli-service.ts";
import { HOST_VERSIONS } from "../host/binary.ts";
import { openDatabase } from "../host/record-place.ts";
import { storeImage } from "../host/store-image.ts";
import { realStore } from "../host/stored-fixture.ts";
import { windowsStore } from "./windows-store.ts";

const FOLDER = "C:\\Users\\me\\app";

interface Answer {
  readonly verdict: string;
  readonly otherSystem?: string;
  readonly stores: readonly { readonly system?: string }[];
  readonly findings: readonly { readonly code: string; readonly remedy: string }[];
  readonly items: readonly { readonly action: string }[];
}

async function ask(dataDir: string, ...args: readonly string[]): Promise<Answer> {
  return JSON.parse((await askCli([...args, "--json", "--data-dir", dataDir])).stdout) as Answer;
}

test.each(HOST_VERSIONS)("a healthy store of %s on Windows has no finding on another system", async (version) => {
  const store = await windowsStore(version, FOLDER);
  try {
    const { verdict, findings, stores, otherSystem } = await ask(store.dataDir, "check");
    expect([verdict, findings, stores[0]?.system]).toEqual(["healthy", [], "windows"]);
    const { stdout } = await askCli(["check", "--data-dir", store.dataDir]);
    expect(stdout).toContain("paths of Windows");
    // The text and the JSON document say the same. The store is healthy on Windows, and both say what to do on this
    // system.
    expect(stdout).toContain("Healthy: opencode can load everything here on the system that wrote it.");
    expect(stdout).toContain(otherSystem ?? "not said");
    const report = await askCli(["report", "--data-dir", store.dataDir]);
    expect(report.stdout).toContain(", folders of another system, ");
    expect(stdout).toContain("rescue --relink --from FOLDER --to FOLDER");
  } finally {
    await store.home.remove();
  }
});

test("a server's folder is one of Windows too; a URL in such a store is damage, and becomes a folder of Windows", async () => {
  const store = await windowsStore("1.18.33", "\\\\server\\share\\app");
  const { plain } = store.sessions;
  try {
    expect((await ask(store.dataDir, "check")).findings).toEqual([]);
    {
      using database = openDatabase(store);
      database.run("delete from event");
      database.run("update session set directory = 'http://localhost/x' where id = ?", [plain.id]);
    }
    const { findings } = await ask(store.dataDir, "check");
    expect(findings.map(({ code }) => code)).toEqual(["path-not-absolute"]);
    expect((await ask(store.dataDir, "repair", "--yes")).verdict).toBe("healthy");
    using database = openDatabase(store);
    expect(database.query("select directory from session where id = ?").get(plain.id)).toEqual({
      directory: "//server/share/app",
    });
  } finally {
    await store.home.remove();
  }
});

test("folders of Windows in a store of Linux keep opencode from loading it, are reported, and are never left out", async () => {
  const store = await realStore("1.18.33");
  try {
    {
      using database = openDatabase(store);
      database.run("update project set sandboxes = ?", [JSON.stringify(["C:/Users/me/side", "/home/me/side", "side"])]);
    }
    const before = await storeImage(store.dataDir);
    const { findings, stores } = await ask(store.dataDir, "check");
    expect([findings.map(({ code }) => code), stores[0]?.system]).toEqual([["path-not-absolute"], undefined]);
    expect((await ask(store.dataDir, "repair", "--yes")).items).toEqual([]);
    expect(await storeImage(store.dataDir)).toEqual(before);
  } finally {
    await store.home.remove();
  }
});
