import type { Plugin } from "@opencode-ai/plugin";

/**
 * opencode's server plugin as the export `./server`, which opencode 1.3.6 and newer look for first. The module exports
 * the plugin of `server.ts` as an object, because opencode 2.x accepts nothing else. opencode 2.x expects an id and
 * `setup`. Without these, opencode 2.x logs a failure at each start (2.0.26, source; tried with its preview). In
 * opencode 2.x the plugin does nothing, because 2.x has no hook before a session loads. The export is a module of its
 * own, so that a start of opencode loads no additional files.
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
