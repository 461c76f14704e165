import type { Plugin } from "@opencode-ai/plugin";

/**
 * opencode's server plugin as its export `./server`, which 1.3.6 and newer look for first. As `server.ts`, but as an
 * object: 2.x takes nothing else, and looks for an id and `setup`, without which it logs a failure at each start
 * (2.0.26, source; tried with its preview). In 2.x the plugin does nothing: it has no hook before a session loads. This is
 * a module of its own, so that a start loads no more files than it did.
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
