/** The prefix of every part id. opencode checks only this prefix. */
const PREFIX = "prt";

/** This character is in none of opencode's own ids, and sorts before every character that they can contain. */
const MARK = "-";

/** A part whose id is longer than this is not renamed. No such id was ever seen. */
const LONGEST_ID = 200;

const RENAMED = /^prt.*-(?:[0-9a-f]{2})+$/s;

/**
 * A new id for a part whose id opencode refuses. `ids` are the ids of all parts of the message, in order. opencode
 * shows parts in the order of their ids, compared byte by byte. So the new id must sort into the place of the old id.
 * The new id is the preceding valid id, followed by the old id in hexadecimal. So several renamed parts keep their
 * order, whichever is renamed first. Returns `null` if no id is free in that place.
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
