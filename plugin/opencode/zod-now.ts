import { createRequire } from "node:module";
import { shippedZod } from "../package-files.ts";
import { textNow } from "../platform/read-now.ts";

type Zod = typeof import("zod");

/**
 * zod, at once and not before it is asked for. The shipped copy is not loaded with `require`: opencode 1.14 loads whatever
 * lies outside of `node_modules` asynchronously, and Bun refuses to `require` such a file (measured on 1.14.41).
 */
export function zodNow(): Zod {
  known ??= evaluated();
  return known;
}

/** There is one plugin instance for each directory. */
let known: Zod | null = null;

function evaluated(): Zod {
  const path = shippedZod();
  if (path === null) return createRequire(import.meta.url)("zod") as Zod;
  const module = { exports: {} };
  new Function("module", "exports", textNow(path))(module, module.exports);
  return module.exports as Zod;
}
