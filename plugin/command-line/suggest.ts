/** Words of these lengths are near each other if no more letters differ. */
const MOST_DIFFERENCES = (length: number) => (length < 5 ? 1 : length < 9 ? 2 : 3);

/**
 * The known words that somebody may have meant: those that begin with what was typed, else those in which few letters
 * differ, the nearest first.
 */
export function nearest(typed: string, known: readonly string[], most = 3): string[] {
  const word = typed.toLowerCase();
  const begun = known.filter((each) => word.length > 1 && each.toLowerCase().startsWith(word));
  if (begun.length > 0) return begun.slice(0, most);
  return known
    .map((each) => ({ each, differences: differences(word, each.toLowerCase()) }))
    .filter(({ differences: count }) => count <= MOST_DIFFERENCES(word.length))
    .sort((a, b) => a.differences - b.differences)
    .slice(0, most)
    .map(({ each }) => each);
}

/** ` Did you mean A or B?`, or nothing where nothing is near; `quote` is put around each. */
export function didYouMean(typed: string, known: readonly string[], quote = ""): string {
  const words = nearest(typed, known).map((word) => `${quote}${word}${quote}`);
  return words.length === 0 ? "" : ` Did you mean ${words.join(" or ")}?`;
}

/** How many letters have to be added, removed, exchanged or swapped with their neighbour to make one word the other. */
function differences(one: string, other: string): number {
  let [before, last]: [number[], number[]] = [[], Array.from({ length: other.length + 1 }, (_, index) => index)];
  for (let row = 1; row <= one.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= other.length; column += 1) {
      const isSame = one[row - 1] === other[column - 1];
      let count = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (isSame ? 0 : 1),
      );
      const isSwapped =
        row > 1 && column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      if (isSwapped) count = Math.min(count, (before[column - 2] ?? 0) + 1);
      current.push(count);
    }
    [before, last] = [last, current];
  }
  return last[other.length] ?? 0;
}
