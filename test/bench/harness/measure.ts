import type { Measured, Subject } from "./benchmark.ts";
import { median } from "./statistics.ts";

/** One metric of one subject over all repeats. */
export type Result = {
  readonly metric: string;
  readonly subject: string;
  readonly unit: string;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly repeats: number;
};

export type Outcome = {
  readonly results: readonly Result[];
  /** Of the last repeat, by subject. */
  readonly notes: ReadonlyMap<string, readonly string[]>;
  /** Subjects that failed, and why; the others go on without them. */
  readonly failures: ReadonlyMap<string, string>;
};

/**
 * Measures every subject `repeats` times, interleaved: one repeat of each, then the next, each round beginning with
 * another subject, so that neither drift nor the order favours one.
 */
export async function measure(
  subjects: readonly Subject[],
  repeats: number,
  signal: AbortSignal,
  log: (line: string) => void,
): Promise<Outcome> {
  const samples = new Map<string, Measured[]>(subjects.map((subject) => [subject.name, []]));
  const failures = new Map<string, string>();
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (const subject of rotated(subjects, repeat)) {
      if (failures.has(subject.name)) continue;
      log(`${repeat + 1}/${repeats} ${subject.name}`);
      try {
        samples.get(subject.name)?.push(await unlessAborted(subject.measure(repeat), signal));
      } catch (error) {
        signal.throwIfAborted();
        const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
        failures.set(subject.name, reason);
        log(`${subject.name} failed and is left out from here on: ${reason}`);
      }
    }
  }
  const complete = subjects.filter((subject) => !failures.has(subject.name));
  return {
    results: complete.flatMap((subject) => summarise(subject.name, samples.get(subject.name) ?? [])),
    notes: new Map(complete.map((subject) => [subject.name, samples.get(subject.name)?.at(-1)?.notes ?? []])),
    failures,
  };
}

/** Rejects at once when the signal comes; what runs on is ended with all that it uses. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  work.catch(() => undefined);
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function rotated<T>(items: readonly T[], by: number): T[] {
  const cut = items.length === 0 ? 0 : by % items.length;
  return [...items.slice(cut), ...items.slice(0, cut)];
}

function summarise(subject: string, samples: readonly Measured[]): Result[] {
  const byMetric = new Map<string, { unit: string; values: number[] }>();
  for (const { metric, unit, value } of samples.flatMap((sample) => sample.figures)) {
    const known = byMetric.get(metric) ?? { unit, values: [] };
    known.values.push(value);
    byMetric.set(metric, known);
  }
  return [...byMetric].map(([metric, { unit, values }]) => ({
    metric,
    subject,
    unit,
    median: median(values),
    min: Math.min(...values),
    max: Math.max(...values),
    repeats: values.length,
  }));
}
