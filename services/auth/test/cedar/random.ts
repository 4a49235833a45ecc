/** Draws that repeat with their seed. */
export type Random = {
  /** From 0 up to and without `end`. */
  below(end: number): number;
  chance(probability: number): boolean;
  oneOf<T>(values: readonly [T, ...T[]]): T;
  /** Each with the probability, in their order. */
  some<T>(values: readonly T[], probability: number): T[];
};

/** Mulberry32, as good as a test needs. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
  const below = (end: number) => Math.floor(next() * end);
  return {
    below,
    chance: (probability) => next() < probability,
    oneOf: (values) => values[below(values.length)] ?? values[0],
    some: (values, probability) => values.filter(() => next() < probability),
  };
}
