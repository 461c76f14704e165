import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Folder of this package, wherever it is installed; module URLs name the real place. The build puts the code of all
 * modules into few files beside the doors: only a module of this folder may go by its own place.
 */
export const PACKAGE_ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

const EXTENSION = import.meta.url.endsWith(".ts") ? "ts" : "js";

/** Where a module is that the build keeps as a file of its own, such as `cli`. */
export function entryURL(name: "cli" | "repair/scan-thread" | "command-line/aside-process"): URL {
  return new URL(`./${name}.${EXTENSION}`, import.meta.url);
}
