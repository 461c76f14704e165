import { spawn } from "node:child_process";

/**
 * Returns a function that ends the watch. If this process ends before that function is called, a shell command runs.
 * `$1` is its argument. `bun test` runs no exit handlers, so this process cannot clean up itself.
 */
export function whenThisProcessDies(command: string, argument: string): () => void {
  if (process.platform === "win32") return () => undefined;
  // A child of the shell runs the command. `bun test --isolate` kills the shell, but not the shell's child.
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
