import type { System } from "./system.ts";

/** The name of the operating system, as Node writes it: `linux`, `darwin`, `win32` … */
export function systemName(): string {
  return process.platform;
}

/**
 * The abilities of the operating system that this process runs on. The module of a system is loaded only when it is
 * needed, because a start of opencode without problems does not need it.
 */
export async function thisSystem(): Promise<System> {
  switch (process.platform) {
    case "linux":
      return (await import("./linux.ts")).linux;
    case "darwin":
      return (await import("./darwin.ts")).darwin;
    case "win32":
      return (await import("./windows.ts")).windows;
    default:
      return {
        openFiles: null,
        isHeldOpen: null,
        hasOtherDescriptor: async () => null,
        followFolders: null,
        soleLocking: "unix-excl",
      };
  }
}
