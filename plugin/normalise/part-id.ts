import { createHash } from "node:crypto";

/** Every id of a part begins so; nothing else is asked of it. */
const PREFIX = "prt";

/** Sorts before `_`, which is what opencode's own ids go on with. */
const BEFORE_ALL = `${PREFIX}0`;

/**
 * An id for a part whose own opencode refuses. Parts are shown in the order of their ids (compared byte by byte), so the
 * new one stands where the old one stood: it begins with the id of the part before it, and is counted on from there.
 * `ids`: of all parts of the message, in order. The same ids give the same answer, whichever of several such parts is
 * renamed first. `null` where there is no free id in that place.
 */
export function ownPartID(id: string, ids: readonly string[]): string | null {
  const at = ids.indexOf(id);
  if (at < 0) return null;
  const ownBefore = ids.slice(0, at).findLast(isOwn);
  const foreignBefore = ids.slice(ownBefore === undefined ? 0 : ids.lastIndexOf(ownBefore) + 1, at).length;
  const next = ids.slice(at + 1).find(isOwn);
  const made = createHash("sha256").update(id).digest("hex").slice(0, 12);
  const candidate = `${ownBefore ?? BEFORE_ALL}0${String(foreignBefore).padStart(6, "0")}${made}`;
  const isBetween = (ownBefore === undefined || ownBefore < candidate) && (next === undefined || candidate < next);
  return isBetween && !ids.includes(candidate) ? candidate : null;
}

function isOwn(id: string): boolean {
  return id.startsWith(PREFIX);
}
