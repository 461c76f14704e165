/** Two words of this length count as similar if at most this many letters differ. */
const MOST_DIFFERENCES = (length: number) => (length < 5 ? 1 : length < 9 ? 2 : 3);

/**
 * The known words that a user may have meant, the nearest first. If some known words begin with the typed text, only
 * these are returned. Otherwise the words with a few different letters are returned.
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

/**
 * The question ` Did you mean A or B?`; empty if no known word is similar. `quote` is written before and after each
 * word.
 */
export function didYouMean(typed: string, known: readonly string[], quote = ""): string {
  const words = nearest(typed, known).map((word) => `${quote}${word}${quote}`);
  return words.length === 0 ? "" : ` Did you mean ${words.join(" or ")}?`;
}

/** The number of letters to add, remove, replace or swap with a neighbour to turn one word into the other. */
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
