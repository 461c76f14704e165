import { createRequire } from "node:module";

const packageJson = createRequire(import.meta.url)("../package.json") as { name: string; version: string };

/** Name and version of this package, as manifests and answers state them. */
export const TOOL = { name: packageJson.name, version: packageJson.version } as const;

/** The purpose of this package, as the help and the man page state it. */
export const PURPOSE = "opens opencode sessions that do not open";

/** The purpose of `/repair`, as opencode's lists of commands show it. */
export const SLASH_PURPOSE = "open sessions that will not load";
