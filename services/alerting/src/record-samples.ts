import type { Transaction } from "@agentmesh/postgres";
import type { Context } from "./context.ts";
import { addUp, type Sample } from "./domain/samples.ts";
import { addSamples } from "./store/samples.ts";

/** Adds a batch of events' samples to their buckets, in the transaction that remembers the events. */
export async function recordSamples(
  context: Pick<Context, "metrics">,
  tx: Transaction,
  samples: readonly Sample[],
  now: Date,
): Promise<void> {
  await addSamples(tx, addUp(samples, now));
  tx.afterCommit(() => {
    for (const sample of samples) context.metrics.recorded(sample.series);
  });
}
