import type { TuiPluginModule } from "@opencode-ai/plugin/tui";
import { startTerminal } from "./opencode/terminal-ui/start-terminal.ts";

/**
 * opencode's terminal plugin (1.3.6 and newer): the `/repair` dialog, and a check of every session when it is opened.
 */
const module: TuiPluginModule & { id: string } = {
  id: "opencode-session-repair",
  tui: async (api, options, meta) => {
    try {
      await startTerminal(api, options, meta?.spec);
    } catch {
      // If this plugin fails, the terminal UI works without it.
    }
  },
};

export default module;
