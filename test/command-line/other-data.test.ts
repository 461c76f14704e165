import { afterAll, expect, test } from "bun:test";
import { cp, mkdir, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { otherHomes } from "../../plugin/stores/other-homes.ts";
import { removeHomes } from "../host/home.ts";
import { fileImage } from "../host/store-image.ts";
import { type RealStore, realStore } from "../host/stored-fixture.ts";
import { askCli } from "./cli-service.ts";

afterAll(removeHomes);

async function put(store: RealStore, path: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await cp(store.dataDir, path, { recursive: true, preserveTimestamps: true });
  return path;
}

test("data in the home of a snap and of a flatpak is named by check and rescue, with the command, and not touched", async () => {
  const now = await realStore("1.18.33");
  const other = await realStore("1.14.41");
  const home = join(now.home.root, "person");
  const usual = await put(now, join(home, ".local", "share", "opencode"));
  const snap = await put(other, join(home, "snap", "code", "155", ".local", "share", "opencode"));
  await symlink("155", join(home, "snap", "code", "current"));
  await mkdir(join(home, "snap", "firefox", "common"), { recursive: true });
  const flatpak = await put(other, join(home, ".var", "app", "com.example.Editor", "data", "opencode"));
  const left = [await fileImage(snap), await fileImage(flatpak)];
  const run = async (...args: string[]) => askCli(args, { env: { HOME: home } });
  for (const command of ["check", "rescue"]) {
    const { code, stdout } = await run(command);
    expect(code).toBe(0);
    for (const directory of [snap, flatpak]) {
      expect(stdout).toContain(`opencode-session-repair rescue --from-data ${directory}\n`);
    }
    expect(JSON.parse((await run(command, "--json")).stdout).otherData).toEqual([snap, flatpak]);
  }
  expect([await fileImage(snap), await fileImage(flatpak)]).toEqual(left);
  const brought = JSON.parse((await run("rescue", "--from-data", snap, "--yes", "--json")).stdout);
  expect(brought.sessions).toHaveLength(other.sessionIDs.length);
  expect([await fileImage(snap), await fileImage(flatpak)]).toEqual(left);
  // The flatpak has the same sessions as the snap. So no session is missing any more, and neither command names other
  // data.
  for (const command of ["check", "rescue"]) {
    expect((await run(command)).stdout).not.toContain("opencode also has data");
    expect(JSON.parse((await run(command, "--json")).stdout)).not.toHaveProperty("otherData");
  }
  expect([await fileImage(snap), await fileImage(flatpak)]).toEqual(left);
  // A terminal inside a snap starts opencode with the snap's data directory. From there, the usual data directory is
  // other data.
  const inSnap = await askCli(["rescue", "--dry-run", "--json"], {
    env: { HOME: home, XDG_DATA_HOME: dirname(snap) },
  });
  expect(JSON.parse(inSnap.stdout).otherData).toEqual([usual]);
  await rm(join(home, "snap"), { recursive: true });
  await rm(join(home, ".var"), { recursive: true });
  expect((await run("check")).stdout).not.toContain("opencode also has data");
  expect(JSON.parse((await run("check", "--json")).stdout)).not.toHaveProperty("otherData");
});

test("in WSL the data in a home directory of Windows is named", async () => {
  const now = await realStore("1.18.33");
  const mount = join(now.home.root, "drive");
  await put(now, join(mount, "Users", "Jane", ".local", "share", "opencode"));
  await mkdir(join(mount, "Users", "Public"));
  const seen = (path: string) => (path.startsWith("/mnt/c") ? mount + path.slice("/mnt/c".length) : path);
  const files = {
    ...nodeFileSystem,
    stat: (path: string) => nodeFileSystem.stat(seen(path)),
    list: (path: string) => nodeFileSystem.list(seen(path)),
    realPath: (path: string) => nodeFileSystem.realPath(seen(path)),
  };
  const found = await otherHomes(files, { env: { HOME: "/nonexistent" }, known: [now.dataDir], isNamed: true });
  expect(found).toEqual(["/mnt/c/Users/Jane/.local/share/opencode"]);
});
