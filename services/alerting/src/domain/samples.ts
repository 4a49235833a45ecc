import { clipLabels, type Labels, labelsKey } from "./labels.ts";
import { add, boundsMs, type Measurement, nothing, slotOf } from "./measurement.ts";
import type { Series } from "./metrics.ts";
import { bucketOf, tiers } from "./tiers.ts";

/** One thing that happened. */
export type Sample = {
  readonly tenant: string;
  readonly series: Series;
  readonly labels: Labels;
  readonly at: Date;
  /** What is summed: milliseconds, USD, a share. Default 0. */
  readonly value?: number;
  readonly bad?: boolean;
  /** A duration: the value also counts in the histogram. */
  readonly timed?: boolean;
};

export type SampleRow = Measurement & {
  readonly tenant: string;
  readonly series: Series;
  readonly stepS: number;
  readonly bucket: Date;
  readonly labelsHash: string;
  readonly labels: Labels;
};

/**
 * Adds samples up by tier, bucket and labels. The rows are in the order of their key: transactions that meet on rows
 * lock them in one order.
 *
 * @param now a sample from the future counts as of now, for a window that ends now would not see it
 */
export function addUp(samples: readonly Sample[], now: Date): SampleRow[] {
  const rows = new Map<string, SampleRow>();
  for (const sample of samples) {
    const { tenant, series } = sample;
    const at = sample.at > now ? now : sample.at;
    const labels = clipLabels(sample.labels);
    const labelsHash = labelsKey(labels);
    for (const { stepS } of tiers) {
      const bucket = bucketOf(at, stepS);
      const key = [series, String(stepS).padStart(6, "0"), tenant, bucket.toISOString(), labelsHash].join("\n");
      const before = rows.get(key) ?? nothing;
      rows.set(key, { tenant, series, stepS, bucket, labelsHash, labels, ...add(before, measure(sample)) });
    }
  }
  return [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
}

function measure({ value = 0, bad = false, timed = false }: Sample): Measurement {
  const histogram = timed
    ? Array.from({ length: boundsMs.length + 1 }, (_, slot) => Number(slot === slotOf(value)))
    : [];
  return { count: 1, sum: value, bad: Number(bad), peak: value, histogram };
}
