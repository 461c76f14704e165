import type { FileSystem } from "../platform/file-system.ts";

const LARGEST_CONFIG_BYTES = 1024 * 1024;

/**
 * The text of a configuration file, which may be a symbolic link; `null` if there is no file. Throws if the file cannot
 * be read.
 */
export async function readConfigText(files: FileSystem, path: string): Promise<string | null> {
  const place = await files.realPath(path);
  if (place === null) {
    // A link whose target is missing is an error: the user wanted a configuration file at this path.
    if ((await files.stat(path)) !== null) throw new Error("a link without a target");
    return null;
  }
  const bytes = await files.read(place, LARGEST_CONFIG_BYTES);
  if (bytes === "absent") return null;
  if (bytes === "too-large") throw new Error("a configuration file of more than 1 MiB");
  return bytes.toString("utf8").replace(/^\uFEFF/, "");
}

/** Reads JSON with comments and trailing commas, as opencode does. Throws a `SyntaxError`. */
export function parseWithComments(text: string): unknown {
  const token = /"(?:[^"\\\n]|\\.)*"|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
  const plain = text.replace(token, (found) => (found.startsWith('"') ? found : " "));
  const comma = /"(?:[^"\\\n]|\\.)*"|,(?=\s*[\]}])/g;
  return JSON.parse(plain.replace(comma, (found) => (found.startsWith('"') ? found : "")));
}
