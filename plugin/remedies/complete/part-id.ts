/** The prefix of every part id. opencode checks nothing else of it. */
const PREFIX = "prt";

/** This character sorts before every character that can follow in opencode's own ids, and occurs in none of them. */
const MARK = "-";

/** Parts with longer ids than this are not renamed, because no such id is known. */
const LONGEST_ID = 200;

const RENAMED = /^prt.*-(?:[0-9a-f]{2})+$/s;

/**
 * A new id for a part whose id opencode refuses. Parts are shown in the order of their ids (compared byte by byte), so
 * the new id must sort into the old place. The new id is the preceding opencode id, followed by the old id in
 * hexadecimal. This keeps several such parts in their order, even if they are renamed in another order. `ids`: the ids
 * of all parts of the message, in order. `null` if no id is free in that place.
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
