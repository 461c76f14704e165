import type { Plugin } from "@opencode-ai/plugin";

/**
 * The server plugin of opencode. This module has only one export, because opencode up to 1.3.5 calls every export of a
 * plugin module as a plugin (#31575).
 */
const server: Plugin = async (input, options) => {
  try {
    // The import is inside the function, so that an error in an incomplete installation is caught too.
    const { startPlugin } = await import("./opencode/start.ts");
    return await startPlugin(input, options);
  } catch {
    // opencode up to 1.1.65 does not start if a plugin throws or cannot be loaded, so every error is ignored here.
    return {};
  }
};

export default server;
