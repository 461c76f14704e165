import { expect, test } from "bun:test";
import { npxCommand } from "../../plugin/words/commands.ts";

test.if(process.platform !== "win32")("a POSIX shell reads a path of Windows in a printed command as it is", () => {
  const command = npxCommand("rescue", "--from", "C:\\Users\\me\\proj", "--to", "/home/me/proj");
  const words = Bun.spawnSync(["sh", "-c", command.replace(/^npx /, "printf '%s\\n' ")]).stdout.toString();
  expect(words.split("\n").slice(-5)).toEqual(["--from", "C:\\Users\\me\\proj", "--to", "/home/me/proj", ""]);
});
