import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * The folder in which this package is installed, with symbolic links resolved. The build joins most modules into few
 * files beside the entry points. So only a module directly in `plugin/` may use its own path.
 */
export const PACKAGE_ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

const EXTENSION = import.meta.url.endsWith(".ts") ? "ts" : "js";

/** The path of a module that the build keeps as a file of its own, such as `cli`. */
export function entryURL(name: "cli" | "repair/scan-thread" | "command-line/aside-process"): URL {
  return new URL(`./${name}.${EXTENSION}`, import.meta.url);
}
