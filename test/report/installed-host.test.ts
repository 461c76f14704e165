import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeFileSystem } from "../../plugin/platform/file-system.ts";
import { installedHostVersion } from "../../plugin/report/installed-host.ts";

let home: string;

beforeAll(async () => {
  home = join(await mkdtemp(join(tmpdir(), "installed-host-")), "Jörg Müller");
});

afterAll(() => rm(join(home, ".."), { recursive: true, force: true }));

test.if(process.platform !== "win32")(
  "opencode is found in the PATH and in its own folder, and keeps off the home",
  async () => {
    const folder = join(home, ".opencode", "bin");
    await mkdir(folder, { recursive: true });
    expect(await installedHostVersion(nodeFileSystem, { HOME: home, PATH: "" })).toBe(null);
    // This fake opencode answers only if neither `HOME` nor `USERPROFILE` is the user's home folder.
    const script = `#!/bin/sh\ncase "$HOME$USERPROFILE" in *Müller*) exit 1;; esac\necho 1.18.33\n`;
    await writeFile(join(folder, "opencode"), script);
    await chmod(join(folder, "opencode"), 0o755);
    expect(await installedHostVersion(nodeFileSystem, { HOME: home, PATH: "" })).toBe("1.18.33");
    expect(await installedHostVersion(nodeFileSystem, { HOME: "/nowhere", PATH: folder })).toBe("1.18.33");
  },
);
