/** The word that `wrong` was probably meant to be: at most a third of its letters differ, or it is the start of one. */
export function nearest(wrong: string, words: readonly string[]): string | undefined {
  const scored = words.map((word) => ({ word, distance: distance(wrong.toLowerCase(), word.toLowerCase()) }));
  const [best] = scored.sort((a, b) => a.distance - b.distance);
  if (best && best.distance <= Math.max(1, Math.floor(wrong.length / 3))) return best.word;
  return wrong.length < 2 ? undefined : words.find((word) => word.toLowerCase().startsWith(wrong.toLowerCase()));
}

/** ` Did you mean x?`, or nothing. */
export function didYouMean(wrong: string, words: readonly string[], prefix = ""): string {
  const word = nearest(wrong, words);
  return word === undefined ? "" : ` Did you mean ${prefix}${word}?`;
}

/** Levenshtein, with two swapped letters as one change. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const next = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      const substituted = (last[column - 1] ?? 0) + (same ? 0 : 1);
      let least = Math.min(substituted, (last[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1);
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        least = Math.min(least, (before[column - 2] ?? 0) + 1);
      }
      next.push(least);
    }
    before = last;
    last = next;
  }
  return last[b.length] ?? 0;
}
