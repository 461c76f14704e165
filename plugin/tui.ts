import type { TuiPluginModule } from "@opencode-ai/plugin/tui";
import { startTerminal } from "./opencode/terminal-ui/start-terminal.ts";

/** opencode's terminal plugin (1.3.6 and newer): the `/repair` dialog, and a look at every session as it is opened. */
const module: TuiPluginModule & { id: string } = {
  id: "opencode-session-repair",
  tui: async (api, options, meta) => {
    try {
      await startTerminal(api, options, meta?.spec);
    } catch {
      // The terminal UI goes on without this plugin.
    }
  },
};

export default module;
