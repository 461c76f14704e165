import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { completionScript } from "../../plugin/command-line/completion.ts";
import { startInTerminal } from "./command-terminal.ts";

const NAME = "opencode-session-repair";

/**
 * Whether a shell is not installed. The setup does not install these shells, and tests of missing shells are skipped.
 */
const isMissing = (shell: string) => Bun.which(shell) === null;

test.skipIf(isMissing("fish"))("completion works in fish, also behind an option with a value", () => {
  const complete = (line: string) => {
    const text = `${completionScript("fish")}\ncomplete -C ${JSON.stringify(`${NAME} ${line}`)}`;
    const { stdout, stderr } = Bun.spawnSync(["fish", "-N", "-c", text]);
    expect(stderr.toString()).toBe("");
    return stdout
      .toString()
      .split("\n")
      .flatMap((found) => found.split("\t")[0] || []);
  };
  expect(complete("re").sort()).toEqual(["repair", "report", "rescue", "restore"]);
  expect(complete("--data-dir /tmp re").sort()).toEqual(["repair", "report", "rescue", "restore"]);
  expect(complete("repair --d").sort()).toEqual(["--data-dir", "--db", "--dry-run"]);
  expect(complete("repair --only trunc")).toEqual(["truncated"]);
  expect(complete("undo ")).toEqual(["last"]);
  expect(complete("--f")).toEqual(["--for"]);
});

test.skipIf(isMissing("zsh") || isMissing("tmux"))(
  "completion in a terminal with zsh: Tab completes a command and a code",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "opencode-session-repair-zsh-"));
    writeFileSync(join(folder, `_${NAME}`), completionScript("zsh"));
    const rc = [`fpath=(${folder} $fpath)`, "autoload -Uz compinit && compinit -u -D", "PS1='ready> '"];
    writeFileSync(join(folder, ".zshrc"), rc.join("\n"));
    const env = { HOME: folder, ZDOTDIR: folder, PATH: "/usr/bin:/bin" };
    const terminal = startInTerminal(["zsh", "-i"], env, 100);
    await terminal.waitFor("ready>");
    terminal.press(NAME, "Space", "--data-dir", "Space", "/tmp", "Space", "sal", "Tab");
    await terminal.waitFor("/tmp salvage");
    terminal.press("--sw", "Tab");
    await terminal.waitFor("salvage --swap");
    terminal.press("C-u", NAME, "Space", "repair", "Space", "--only", "Space", "trunc", "Tab");
    await terminal.waitFor("repair --only truncated");
    terminal.close();
    rmSync(folder, { recursive: true, force: true });
  },
);
