const DIMENSIONS = 256;
const STOP_WORDS = new Set(
  "a an and are as at be been but by can could do does for from has have he her his how i if in is it its me my of on or our she so that the their them they this to us was we were what when where which who why will with would you your".split(
    " ",
  ),
);

/** The words of a text hashed into a unit vector: equal words are near, whatever their order. No model, no network. */
export function embedLexically(text: string): Float32Array {
  const vector = new Float32Array(DIMENSIONS);
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []) {
    if (STOP_WORDS.has(word)) continue;
    const hash = fnv1a(stem(word));
    // A sign of its own makes words that share a place cancel out more often than they add up.
    const at = hash % DIMENSIONS;
    vector[at] = (vector[at] ?? 0) + (hash & 0x80000000 ? -1 : 1);
  }
  const length = Math.hypot(...vector);
  return length === 0 ? vector : vector.map((value) => value / length);
}

function stem(word: string): string {
  return word.length > 4 ? word.replace(/(?:ing|ed|es|s)$/, "") : word;
}

function fnv1a(word: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < word.length; at++) hash = Math.imul(hash ^ word.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

/** The `top` texts nearest to a query, nearest first; those with no word in common are left out. */
export function recall(query: string, texts: readonly string[], top: number): string[] {
  const wanted = embedLexically(query);
  return texts
    .map((text) => ({ text, nearness: dot(wanted, embedLexically(text)) }))
    .filter(({ nearness }) => nearness > MIN_NEARNESS)
    .sort((a, b) => b.nearness - a.nearness)
    .slice(0, top)
    .map(({ text }) => text);
}

// Below this, what is common is chance: two words that hash to one place.
const MIN_NEARNESS = 0.1;

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (const [at, value] of a.entries()) sum += value * (b[at] ?? 0);
  return sum;
}
