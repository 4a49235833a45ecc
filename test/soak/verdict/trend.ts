// Whether a series of figures grows: a straight line through the second half of it, by least squares.
//
//   too short      fewer than 5 points, or less than 4 minutes: one collection tells little of what the next one leaves
//   flat           the slope is within its own noise, or falls
//   within bound   it grows, but not surely by more than the bound
//   leaks          even the slope less its noise is beyond the bound

export type Point = { readonly atMs: number; readonly bytes: number };

export type Trend = {
  readonly slopeMbPerH: number;
  /** Twice the slope's standard error: 19 times of 20 the true slope is no farther away. */
  readonly noiseMbPerH: number;
  readonly verdict: "too short" | "flat" | "within bound" | "leaks";
};

const fewestPoints = 5;
const shortestMs = 4 * 60_000;
const mb = 1024 * 1024;
const hourMs = 3_600_000;

/** The first half is warming up: caches fill, code is compiled. */
export function trendOf(points: readonly Point[], boundMbPerH: number): Trend {
  const half = points.slice(Math.floor(points.length / 2));
  const lastsMs = (half.at(-1)?.atMs ?? 0) - (half[0]?.atMs ?? 0);
  if (half.length < fewestPoints || lastsMs < shortestMs)
    return { slopeMbPerH: 0, noiseMbPerH: 0, verdict: "too short" };
  const { slope, standardError } = fitLine(half.map(({ atMs, bytes }) => ({ x: atMs / hourMs, y: bytes / mb })));
  const noise = 2 * standardError;
  return { slopeMbPerH: slope, noiseMbPerH: noise, verdict: judge(slope, noise, boundMbPerH) };
}

function judge(slope: number, noise: number, bound: number): Trend["verdict"] {
  if (slope <= noise) return "flat";
  return slope - noise > bound ? "leaks" : "within bound";
}

function fitLine(points: readonly { readonly x: number; readonly y: number }[]) {
  const count = points.length;
  const meanX = points.reduce((sum, { x }) => sum + x, 0) / count;
  const meanY = points.reduce((sum, { y }) => sum + y, 0) / count;
  const spreadX = points.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0);
  const slope = points.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0) / spreadX;
  const left = points.reduce((sum, { x, y }) => sum + (y - meanY - slope * (x - meanX)) ** 2, 0);
  return { slope, standardError: Math.sqrt(left / (count - 2) / spreadX) };
}
