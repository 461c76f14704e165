import { createRequire } from "node:module";

const packageJson = createRequire(import.meta.url)("../package.json") as { name: string; version: string };

/** Name and version of this package, as manifests and answers state them. */
export const TOOL = { name: packageJson.name, version: packageJson.version } as const;

/** What it is for, as the help and the man page say it. */
export const PURPOSE = "opens opencode sessions that do not open";

/** What `/repair` does, as opencode's lists of commands say it. */
export const SLASH_PURPOSE = "open sessions that will not load";
