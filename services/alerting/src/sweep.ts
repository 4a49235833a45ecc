import type { Context } from "./context.ts";
import { tiers } from "./domain/tiers.ts";
import { type Repeated, repeat } from "./repeat.ts";
import { deleteResolved } from "./store/alerts.ts";
import { deleteSamples } from "./store/samples.ts";

const MAX_DELETED = 5000;
const MAX_BATCHES = 100;
const DAY_MS = 86_400_000;

/** Forgets buckets that no window reaches any more and alerts that were resolved long ago. */
export function startSweep(context: Context): Repeated {
  const { config, log } = context;
  return repeat({
    name: "sweep",
    everyMs: config.retention.sweepMs,
    log,
    run: async () => {
      if (context.lease.held) await sweep(context, Date.now());
    },
  });
}

type SweepContext = Pick<Context, "db"> & { readonly config: Pick<Context["config"], "retention"> };

export async function sweep({ db, config }: SweepContext, nowMs: number): Promise<void> {
  for (const { stepS, keptS } of tiers) {
    await inBatches(() => deleteSamples(db, stepS, new Date(nowMs - keptS * 1000), MAX_DELETED));
  }
  const resolvedBefore = new Date(nowMs - config.retention.alertsDays * DAY_MS);
  await inBatches(() => deleteResolved(db, resolvedBefore, MAX_DELETED));
}

async function inBatches(deleteSome: () => Promise<number>): Promise<void> {
  for (let batch = 0; batch < MAX_BATCHES; batch++) {
    if ((await deleteSome()) < MAX_DELETED) return;
  }
}
