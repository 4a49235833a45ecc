import { describeError } from "@agentmesh/errors";
import type { Context } from "../context.ts";
import { pruneEvents } from "../store/run-events.ts";
import { lockDueRuns } from "../store/runs.ts";
import { advanceLocked, advancing } from "./advance-runs.ts";

const MAX_RUNS = 200;
const MAX_ROUNDS = 50;
const MAX_PRUNED = 500;
const DAY_MS = 24 * 3600 * 1000;

/**
 * The guarantee behind every hint: looks at all runs whose wake-up has come. Replicas share them by SKIP LOCKED, so one
 * timer fires once.
 */
export function startSweep(context: Context): AsyncDisposable {
  return repeat(context, "sweep", context.config.engine.sweepEveryMs, async () => {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const swept = await advancing(context, async (tx) => {
        const locked = await lockDueRuns(tx, MAX_RUNS);
        if (locked.runs.length > 0) await advanceLocked(context, tx, locked, () => [{ kind: "tick" }]);
        return locked.runs.length;
      });
      if (swept < MAX_RUNS) return;
    }
  });
}

/** Prunes the events of old runs, some at a time. */
export function startRetention(context: Context): AsyncDisposable {
  const { eventDays, everyMs } = context.config.retention;
  return repeat(context, "retention", everyMs, async () => {
    const before = new Date(Date.now() - eventDays * DAY_MS);
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const pruned = await context.db.transaction((tx) => pruneEvents(tx, before, MAX_PRUNED));
      if (pruned < MAX_PRUNED) return;
    }
  });
}

/** A round that comes again and again. */
export type Rounds = AsyncDisposable & {
  /** The next round comes now. */
  wake(): void;
};

/** Runs again and again, never twice at a time, whatever one round throws. */
export function repeat(context: Context, name: string, everyMs: number, round: () => Promise<void>): Rounds {
  let stopped = false;
  let woken = false;
  let wake = () => {};
  async function loop(): Promise<void> {
    while (!stopped) {
      woken = false;
      await round().catch((error) =>
        context.log.warn({ name, reason: describeError(error) }, "round failed; it comes again"),
      );
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      const timer = setTimeout(resolve, everyMs);
      if (stopped || woken) resolve();
      await promise;
      clearTimeout(timer);
    }
  }
  const running = loop();
  return {
    wake() {
      woken = true;
      wake();
    },
    async [Symbol.asyncDispose]() {
      stopped = true;
      wake();
      await running;
    },
  };
}
