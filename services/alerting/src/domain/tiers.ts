/** A resolution samples are kept in. `keptS` is longer than the longest window that is read from it. */
export type Tier = { readonly stepS: number; readonly longestWindowS: number; readonly keptS: number };

const DAY_S = 86_400;

export const MAX_WINDOW_S = 30 * DAY_S;

const COARSEST: Tier = { stepS: 3600, longestWindowS: MAX_WINDOW_S, keptS: 31 * DAY_S };

/** Finest first. A window is at most 720 steps of its tier. */
export const tiers: readonly Tier[] = [
  { stepS: 10, longestWindowS: 3600, keptS: 2 * 3600 },
  { stepS: 300, longestWindowS: 2 * DAY_S, keptS: 3 * DAY_S },
  COARSEST,
];

export function tierFor(windowS: number): Tier {
  return tiers.find((tier) => windowS <= tier.longestWindowS) ?? COARSEST;
}

/** Start of the step that a time lies in. */
export function bucketOf(at: Date, stepS: number): Date {
  const stepMs = stepS * 1000;
  return new Date(Math.floor(at.getTime() / stepMs) * stepMs);
}

/** First bucket of a window that ends now: the window is up to one step longer than asked for, never shorter. */
export function windowStart(now: Date, windowS: number, stepS: number): Date {
  return bucketOf(new Date(now.getTime() - windowS * 1000), stepS);
}
