/** What tests need beside Node and npm, and the Debian packages that have it; `npm test` installs them where it may. */
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

/** Whether a tool is not installed. `CHROMIUM` may name a browser that is elsewhere. */
export function isMissing(tool: Tool): boolean {
  if (tool === "chromium" && process.env.CHROMIUM) return false;
  return TOOLS[tool].commands.every((command) => Bun.which(command) === null);
}

/** Whether tests that need a tool are left out. On CI they never are: there they fail without it. */
export function lacks(tool: Tool): boolean {
  return isMissing(tool) && !process.env.CI;
}
