import type { System } from "./system.ts";

/** The system of this process. The module is loaded on demand, because a healthy start of opencode does not need it. */
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
