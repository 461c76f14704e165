/**
 * The tools that tests need in addition to Node and npm, and the Debian packages of these tools. `npm test` installs
 * the packages if it may.
 */
export const TOOLS = {
  git: { commands: ["git"], packages: ["git"] },
  tmux: { commands: ["tmux"], packages: ["tmux"] },
  chromium: { commands: ["chromium", "chromium-browser", "google-chrome"], packages: ["chromium"] },
  exfat: { commands: ["mount.exfat-fuse", "/usr/sbin/mount.exfat-fuse"], packages: ["exfat-fuse", "exfatprogs"] },
  strace: { commands: ["strace"], packages: ["strace"] },
  lsof: { commands: ["lsof"], packages: ["lsof"] },
  fat: { commands: ["mkfs.vfat", "/usr/sbin/mkfs.vfat"], packages: ["dosfstools"] },
  wine: { commands: ["wine"], packages: ["wine", "wine64"] },
} as const;

export type Tool = keyof typeof TOOLS;

/** Whether a tool is not installed. `CHROMIUM` may name a browser in another place. */
export function isMissing(tool: Tool): boolean {
  if (tool === "chromium" && process.env.CHROMIUM) return false;
  return TOOLS[tool].commands.every((command) => Bun.which(command) === null);
}

/** Whether tests that need this tool are skipped. On CI, such tests are never skipped, but fail without the tool. */
export function lacks(tool: Tool): boolean {
  return isMissing(tool) && !process.env.CI;
}
