/** Entries made together must not end together: up to this part of the time to live is taken off at random. */
const JITTER = 0.1;

/**
 * How long an entry lives, in milliseconds.
 *
 * @param askedS 0: the default
 * @param random 0..1
 */
export function ttlMs(askedS: number, limits: { defaultTtlS: number; maxTtlS: number }, random: number): number {
  const ttlS = Math.min(askedS || limits.defaultTtlS, limits.maxTtlS);
  return Math.max(1, Math.round(ttlS * 1000 * (1 - JITTER * random)));
}
