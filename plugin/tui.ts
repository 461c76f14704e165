import type { TuiPluginModule } from "@opencode-ai/plugin/tui";
import { startTerminal } from "./opencode/terminal-ui/start-terminal.ts";

/**
 * The plugin for opencode's terminal UI (1.3.6 and newer). It offers the `/repair` dialog and checks every session when
 * it is opened.
 */
const module: TuiPluginModule & { id: string } = {
  id: "opencode-session-repair",
  tui: async (api, options, meta) => {
    try {
      await startTerminal(api, options, meta?.spec);
    } catch {
      // If this plugin fails, the terminal UI still works, without the plugin.
    }
  },
};

export default module;
