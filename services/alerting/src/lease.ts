import { newId } from "@agentmesh/ids";
import type { Database, Transaction } from "@agentmesh/postgres";
import type { Logger } from "@agentmesh/telemetry";
import type { AlertingMetrics } from "./metrics.ts";
import { repeat } from "./repeat.ts";
import { assertFence, releaseLease, takeLease } from "./store/lease.ts";

export type Lease = AsyncDisposable & {
  /** Whether this replica holds it, as far as it can know. */
  readonly held: boolean;
  /**
   * A transaction that commits only while the lease is held.
   *
   * @throws AppError CONFLICT (FENCED)
   */
  transaction<T>(run: (tx: Transaction) => Promise<T>): Promise<T>;
};

const NAME = "evaluation";
/** Renewals in a lifetime: two may fail before it is lost. */
const RENEWALS = 3;
const NO_FENCE = -1n;

/** Competes for the lease for as long as it is open, and gives it back when disposed. */
export function openLease(options: {
  readonly db: Database;
  readonly ttlMs: number;
  readonly log: Logger;
  readonly metrics: AlertingMetrics;
}): Lease {
  const { db, ttlMs, log, metrics } = options;
  const holder = newId();
  let fence: bigint | undefined;
  let untilMs = 0;

  const renewing = repeat({
    name: "lease",
    everyMs: ttlMs / RENEWALS,
    log,
    async run() {
      // Counted from before the question, so that ours ends before the server's does.
      const askedMs = performance.now();
      const taken = await takeLease(db, { name: NAME, holder, ttlMs });
      if (taken !== undefined && taken !== fence) log.info({ fence: String(taken) }, "this replica evaluates now");
      if (taken === undefined && fence !== undefined) log.warn({}, "another replica evaluates now");
      fence = taken;
      untilMs = askedMs + ttlMs;
      metrics.owns(taken !== undefined);
    },
  });
  return {
    get held() {
      return fence !== undefined && performance.now() < untilMs;
    },
    transaction: (run) =>
      db.transaction(async (tx) => {
        await assertFence(tx, NAME, fence ?? NO_FENCE);
        return run(tx);
      }),
    async [Symbol.asyncDispose]() {
      await renewing[Symbol.asyncDispose]();
      fence = undefined;
      await releaseLease(db, NAME, holder).catch(() => log.warn({}, "lease not given back; it runs out by itself"));
    },
  };
}
