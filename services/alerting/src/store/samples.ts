import type { Queryable } from "@agentmesh/postgres";
import type { Labels } from "../domain/labels.ts";
import { boundsMs, type Measurement } from "../domain/measurement.ts";
import type { Series } from "../domain/metrics.ts";
import type { SampleRow } from "../domain/samples.ts";

// Arrays in PostgreSQL count from 1, and one slot lies above the last bound.
const SLOTS = Array.from({ length: boundsMs.length + 1 }, (_, slot) => slot + 1);
const ADDED = `ARRAY[${SLOTS.map((slot) => `metric_sample.histogram[${slot}] + EXCLUDED.histogram[${slot}]`).join(", ")}]`;
const SUMMED = `sum(count) AS count, sum(sum) AS sum, sum(bad) AS bad, max(peak) AS peak,
  CASE WHEN count(histogram) = 0 THEN '{}' ELSE ARRAY[${SLOTS.map((slot) => `coalesce(sum(histogram[${slot}]), 0)`).join(", ")}] END AS histogram`;

/** Adds rows to what is there. They must be in the order of their key. */
export async function addSamples(tx: Queryable, rows: readonly SampleRow[]): Promise<void> {
  if (rows.length === 0) return;
  await tx.query(
    `INSERT INTO metric_sample (tenant, series, step_s, bucket, labels_hash, labels, count, sum, bad, peak, histogram)
     SELECT t, s, st, b, h, l, c, su, ba, p, hi::double precision[] FROM unnest(
       $1::text[], $2::text[], $3::int[], $4::timestamptz[], $5::text[], $6::jsonb[], $7::double precision[],
       $8::double precision[], $9::double precision[], $10::double precision[], $11::text[]
     ) AS r (t, s, st, b, h, l, c, su, ba, p, hi)
     ON CONFLICT (series, step_s, tenant, bucket, labels_hash) DO UPDATE SET
       count = metric_sample.count + EXCLUDED.count, sum = metric_sample.sum + EXCLUDED.sum,
       bad = metric_sample.bad + EXCLUDED.bad, peak = greatest(metric_sample.peak, EXCLUDED.peak),
       histogram = CASE WHEN EXCLUDED.histogram IS NULL THEN NULL ELSE ${ADDED} END`,
    [
      rows.map((row) => row.tenant),
      rows.map((row) => row.series),
      rows.map((row) => row.stepS),
      rows.map((row) => row.bucket),
      rows.map((row) => row.labelsHash),
      rows.map((row) => JSON.stringify(row.labels)),
      rows.map((row) => row.count),
      rows.map((row) => row.sum),
      rows.map((row) => row.bad),
      rows.map((row) => row.peak),
      rows.map((row) => (row.histogram.length > 0 ? `{${row.histogram.join(",")}}` : null)),
    ],
  );
}

export type Measured = Measurement & { readonly tenant: string; readonly labels: Labels };

/** What was measured since a bucket, by tenant and label set. */
export async function measureWindow(
  db: Queryable,
  window: { series: Series; stepS: number; since: Date; tenants: readonly string[] },
): Promise<Measured[]> {
  const { rows } = await db.query<Measured>(
    `SELECT tenant, labels, ${SUMMED} FROM metric_sample
     WHERE series = $1 AND step_s = $2 AND tenant = ANY($3) AND bucket >= $4
     GROUP BY tenant, labels_hash, labels ORDER BY tenant, labels_hash`,
    [window.series, window.stepS, window.tenants, window.since],
  );
  return rows;
}

/** What was measured since a bucket, bucket by bucket, over the label sets that contain `where`. */
export async function measureSlots(
  db: Queryable,
  window: { series: Series; stepS: number; since: Date; tenant: string; where: Labels },
): Promise<(Measurement & { readonly bucket: Date })[]> {
  const { rows } = await db.query<Measurement & { bucket: Date }>(
    `SELECT bucket, ${SUMMED} FROM metric_sample
     WHERE series = $1 AND step_s = $2 AND tenant = $3 AND bucket >= $4 AND labels @> $5
     GROUP BY bucket ORDER BY bucket`,
    [window.series, window.stepS, window.tenant, window.since, JSON.stringify(window.where)],
  );
  return rows;
}

/** Forgets at most `limit` buckets of a tier that began before a time. */
export async function deleteSamples(db: Queryable, stepS: number, before: Date, limit: number): Promise<number> {
  const { rowCount } = await db.query(
    `DELETE FROM metric_sample WHERE ctid = ANY (ARRAY(
       SELECT ctid FROM metric_sample WHERE step_s = $1 AND bucket < $2 LIMIT $3))`,
    [stepS, before, limit],
  );
  return rowCount;
}
