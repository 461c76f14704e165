import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { HEALTHY_HOSTS, hostBinary } from "../test/host/binary.ts";
import { realStore } from "../test/host/stored-fixture.ts";
import { builtPackage } from "../test/package/built.ts";
import { isMissing, TOOLS, type Tool } from "../test/process/lacks.ts";

/** The programs that the tests need on this operating system. */
function neededTools(): Tool[] {
  const needed: Tool[] = ["git", "tmux", "chromium"];
  const hasWindowsTests = existsSync(join(import.meta.dirname, "..", "test", "windows"));
  if (hasWindowsTests && process.platform === "linux" && process.arch === "x64") needed.push("wine");
  if (process.platform === "linux") needed.push("strace", "lsof");
  // Only root may mount the small file systems that these tests use.
  if (process.platform === "linux" && process.getuid?.() === 0) needed.push("exfat", "fat");
  return needed;
}

/** Installs the Debian packages of missing programs, as root or with a sudo that needs no password. */
function installMissing(): void {
  const missing = neededTools().filter(isMissing);
  if (missing.length === 0) return;
  const packages = missing.flatMap((tool) => TOOLS[tool].packages);
  const isRoot = process.getuid?.() === 0;
  const mayInstall = isRoot || spawnSync("sudo", ["-n", "true"]).status === 0;
  if (mayInstall && Bun.which("apt-get") !== null) {
    process.stdout.write(`Debian packages: ${packages.join(" ")}\n`);
    const asRoot = isRoot ? [] : ["sudo", "-n"];
    const [program = "", ...args] = [...asRoot, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
    spawnSync(program, [...args, "update", "-qq"], { stdio: "inherit" });
    // The packages are installed one by one, so that one missing package does not prevent the others.
    for (const name of packages) {
      spawnSync(program, [...args, "install", "-y", "-qq", "--no-install-recommends", name], { stdio: "inherit" });
    }
  }
  const left = neededTools().filter(isMissing);
  if (left.length === 0) return;
  const outcome = process.env.CI ? "the tests that need them fail" : "the tests that need them are skipped";
  const names = left.flatMap((tool) => TOOLS[tool].packages).join(" ");
  process.stdout.write(`Not installed: ${left.join(", ")}; ${outcome}. Debian and Ubuntu: apt-get install ${names}\n`);
}

/**
 * Downloads the opencode releases that are missing, and lets each release write its test store. Then no test has to
 * wait for a download.
 */
async function prepareHosts(): Promise<void> {
  for (const version of HEALTHY_HOSTS) {
    process.stdout.write(`opencode ${version}: `);
    await hostBinary(version);
    process.stdout.write("binary, ");
    const store = await realStore(version);
    await store.home.remove();
    process.stdout.write("sessions\n");
  }
}

try {
  installMissing();
  await builtPackage();
  await prepareHosts();
} catch (error) {
  const reason = error instanceof Error ? error.message : String(error);
  process.stderr.write(`\nThe tests need this, and there is none without it:\n${reason}\n`);
  process.exitCode = 1;
}
