/** Samples added up: of a bucket, of a window, of many label sets. */
export type Measurement = {
  readonly count: number;
  readonly sum: number;
  readonly bad: number;
  /** The largest value. */
  readonly peak: number;
  /** How many values lie in each slot of `boundsMs`; empty where a series has no durations. */
  readonly histogram: readonly number[];
};

export const nothing: Measurement = { count: 0, sum: 0, bad: 0, peak: 0, histogram: [] };

/** Upper bounds of the slots, inclusive, in milliseconds; one more slot holds what is above the last. */
export const boundsMs = [10, 25, 50, 100, 250, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000, 120_000] as const;

export function slotOf(valueMs: number): number {
  const slot = boundsMs.findIndex((bound) => valueMs <= bound);
  return slot < 0 ? boundsMs.length : slot;
}

export function add(a: Measurement, b: Measurement): Measurement {
  if (a.count === 0) return b;
  if (b.count === 0) return a;
  return {
    count: a.count + b.count,
    sum: a.sum + b.sum,
    bad: a.bad + b.bad,
    peak: Math.max(a.peak, b.peak),
    histogram: addSlots(a.histogram, b.histogram),
  };
}

function addSlots(a: readonly number[], b: readonly number[]): readonly number[] {
  if (a.length === 0) return b;
  return a.map((count, slot) => count + (b[slot] ?? 0));
}

/** The value below which a share `q` of the samples lie, interpolated inside its slot and never above the peak. */
export function quantile(measured: Measurement, q: number): number {
  const total = sumOf(measured.histogram);
  const rank = q * total;
  let below = 0;
  for (const [slot, count] of measured.histogram.entries()) {
    if (count > 0 && below + count >= rank) {
      const [lower, upper] = edges(slot, measured.peak);
      return Math.min(measured.peak, lower + (upper - lower) * ((rank - below) / count));
    }
    below += count;
  }
  return measured.peak;
}

/** The share of samples above a value, 0..1, interpolated inside the slot it lies in. */
export function shareAbove(measured: Measurement, value: number): number {
  const total = sumOf(measured.histogram);
  if (total === 0 || value >= measured.peak) return 0;
  let above = 0;
  for (const [slot, count] of measured.histogram.entries()) {
    const [lower, upper] = edges(slot, measured.peak);
    if (value <= lower) above += count;
    else if (value < upper) above += (count * (upper - value)) / (upper - lower);
  }
  return above / total;
}

function edges(slot: number, peak: number): readonly [number, number] {
  const lower = slot === 0 ? 0 : (boundsMs[slot - 1] ?? 0);
  return [lower, boundsMs[slot] ?? Math.max(peak, lower)];
}

function sumOf(slots: readonly number[]): number {
  return slots.reduce((sum, count) => sum + count, 0);
}
