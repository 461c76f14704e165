/** Groups items by their session. The groups are in the order in which their sessions first occur. */
export function bySession<T>(
  items: readonly T[],
  sessionOf: (item: T) => string | null,
): ReadonlyMap<string | null, readonly T[]> {
  const groups = new Map<string | null, T[]>();
  for (const item of items) {
    const sessionID = sessionOf(item);
    const group = groups.get(sessionID);
    if (group === undefined) groups.set(sessionID, [item]);
    else group.push(item);
  }
  return groups;
}
