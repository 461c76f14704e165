import type { Plugin } from "@opencode-ai/plugin";

/**
 * opencode's server plugin as its export `./server`, which 1.3.6 and newer look for first. The same as `server.ts`, but as an object, because 2.x accepts nothing else. It expects an id and `setup`. Without them it logs a
 * failure at each start
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
