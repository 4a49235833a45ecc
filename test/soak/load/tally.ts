import { AppError, describeError } from "@agentmesh/errors";

const mostSamples = 3;
const mostReasons = 50;

export type KindCount = {
  asked: number;
  done: number;
  /** There was no place for it, and the caller was told when to come again. */
  refused: number;
  failed: number;
};

/** What became of the requests, by kind. */
export type Tally = {
  asked(kind: string): void;
  done(kind: string): void;
  /** It is refused or failed, as the error says. */
  failed(kind: string, error: unknown): void;
  readonly byKind: ReadonlyMap<string, Readonly<KindCount>>;
  /** Some messages of each reason, for whoever looks for the cause. */
  readonly failures: ReadonlyMap<string, { count: number; readonly samples: string[] }>;
  total(): KindCount;
};

export function openTally(): Tally {
  const byKind = new Map<string, KindCount>();
  const failures = new Map<string, { count: number; readonly samples: string[] }>();

  function of(kind: string): KindCount {
    const known = byKind.get(kind) ?? { asked: 0, done: 0, refused: 0, failed: 0 };
    byKind.set(kind, known);
    return known;
  }

  return {
    byKind,
    failures,
    asked(kind) {
      of(kind).asked += 1;
    },
    done(kind) {
      of(kind).done += 1;
    },
    failed(kind, error) {
      if (error instanceof AppError && error.retryAfterMs !== undefined) of(kind).refused += 1;
      else of(kind).failed += 1;
      const message = describeError(error);
      const reason = `${kind}: ${message.replace(/[0-9a-f-]{36}|\d+/g, "#").slice(0, 120)}`;
      const known = failures.get(reason) ?? { count: 0, samples: [] };
      known.count += 1;
      if (known.samples.length < mostSamples) known.samples.push(`${new Date().toISOString()} ${message}`);
      if (failures.has(reason) || failures.size < mostReasons) failures.set(reason, known);
    },
    total() {
      const sum = { asked: 0, done: 0, refused: 0, failed: 0 };
      for (const { asked, done, refused, failed } of byKind.values()) {
        sum.asked += asked;
        sum.done += done;
        sum.refused += refused;
        sum.failed += failed;
      }
      return sum;
    },
  };
}
