import type { Context } from "../context.ts";
import { countPending } from "../store/approvals.ts";
import { countSignals } from "../store/signals.ts";
import { advanceDueAlone, advanceDueRuns, advancing, isAway } from "./advance-runs.ts";
import { repeat } from "./repeat.ts";

const MAX_RUNS = 200;
const MAX_ROUNDS = 50;
const MAX_COUNTED = 10_000;

/**
 * The guarantee behind every hint: looks at all runs whose wake-up has come. Replicas share them by SKIP LOCKED, so one
 * timer fires once.
 */
export function startSweep(context: Context): AsyncDisposable {
  return repeat(context, "sweep", context.config.engine.sweepEveryMs, async () => {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const swept = await sweepOnce(context);
      if (swept < MAX_RUNS) break;
    }
    context.metrics.waiting({
      signals: await countSignals(context.db, MAX_COUNTED),
      approvals: await countPending(context.db, MAX_COUNTED),
    });
  });
}

/** Of those that share a transaction one may be what the database refuses. */
async function sweepOnce(context: Context): Promise<number> {
  try {
    return await advancing(context, (tx) => advanceDueRuns(context, tx, MAX_RUNS));
  } catch (error) {
    if (isAway(error)) throw error;
    return advanceDueAlone(context, MAX_RUNS);
  }
}
