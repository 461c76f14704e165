import { createHash } from "node:crypto";

const KEPT_OF_ID = 16;
const DERIVED = 14;

/** Makes an unused id from another id. The same id and the same used ids always give the same result. */
export function derivedID(id: string, used: Set<string>): string {
  for (let salt = 0; ; salt += 1) {
    const hash = createHash("sha256").update(`${salt} ${id}`).digest("base64url").replace(/[-_]/g, "0");
    const made = `${id.slice(0, KEPT_OF_ID)}${hash.slice(0, DERIVED)}`;
    if (used.has(made)) continue;
    used.add(made);
    return made;
  }
}
