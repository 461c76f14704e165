import type { Plugin } from "@opencode-ai/plugin";

/**
 * The server plugin as the export `./server`, which opencode 1.3.6 and newer look for first. The export is an object
 * with an id and `setup`, because opencode 2.x logs a failure at each start for anything else (2.0.26, source; tried
 * with its preview). In opencode 2.x the plugin does nothing, because 2.x has no hook before a session loads. This
 * module repeats the code of `server.ts` instead of importing it, so that a start of opencode loads no additional file.
 */
const module: { readonly id: string; readonly server: Plugin; readonly setup: () => Promise<void> } = {
  id: "opencode-session-repair",
  server: async (input, options) => {
    try {
      const { startPlugin } = await import("./opencode/start.ts");
      return await startPlugin(input, options);
    } catch {
      return {};
    }
  },
  setup: async () => undefined,
};

export default module;
