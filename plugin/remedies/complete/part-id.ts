/** Every id of a part begins so; nothing else is asked of it. */
const PREFIX = "prt";

/** Sorts before every character that opencode's own ids go on with, and is in none of them. */
const MARK = "-";

/** Longer ids than anybody has seen are left alone. */
const LONGEST_ID = 200;

const RENAMED = /^prt.*-(?:[0-9a-f]{2})+$/s;

/**
 * An id for a part whose own opencode refuses. Parts are shown in the order of their ids (compared byte by byte), so the
 * new one stands where the old one stood: it is the id of opencode's own before it, followed by the old id in
 * hexadecimal, which keeps the order among several of them, whichever is renamed first. `ids`: of all parts of the
 * message, in order. `null` where there is no free id in that place.
 */
export function ownPartID(id: string, ids: readonly string[]): string | null {
  if (!ids.includes(id) || id.length > LONGEST_ID) return null;
  const own = ids.filter((each) => each.startsWith(PREFIX) && !RENAMED.test(each));
  const before = own.findLast((each) => each < id) ?? PREFIX;
  const next = own.find((each) => each > id);
  const candidate = `${before}${MARK}${Buffer.from(id, "utf8").toString("hex")}`;
  const isInPlace = next === undefined || candidate < next;
  return isInPlace && !ids.includes(candidate) ? candidate : null;
}
