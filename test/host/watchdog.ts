import { spawn } from "node:child_process";

/**
 * Runs a shell command (`$1` is the argument) should this process end, in whatever way, before the returned release
 * is called. `bun test` runs no exit handlers, so nothing inside the process can be relied on to clean up after it.
 */
export function whenThisProcessDies(command: string, argument: string): () => void {
  if (process.platform === "win32") return () => undefined;
  // The shell's own child does it: `bun test --isolate` kills what a file has started, but not what that has started.
  const script = `exec 3<&0; { read -r released <&3 || { ${command}; }; } & wait`;
  const watcher = spawn("sh", ["-c", script, "watchdog", argument], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  watcher.on("error", () => undefined);
  watcher.stdin.on("error", () => undefined);
  watcher.unref();
  return () => {
    watcher.stdin.end("released\n");
  };
}
