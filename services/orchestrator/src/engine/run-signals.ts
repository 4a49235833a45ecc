import type { Context } from "../context.ts";
import type { Input } from "../domain/advance.ts";
import { matchUnsettled } from "../store/event-waits.ts";
import {
  deleteSignals,
  listSignalled,
  postponeSignals,
  postponeSignalsOf,
  type TakenSignal,
  takeSignals,
} from "../store/signals.ts";
import { advanceRuns, advancing, isAway } from "./advance-runs.ts";
import { type Rounds, repeat } from "./repeat.ts";

const MAX_SIGNALS = 500;
const MAX_ROUNDS = 50;

/**
 * Tells runs what happened elsewhere: children that ended, parents that were cancelled or paused, events that arrived. Woken after
 * the commit that left a signal; every replica looks each sweep, so one that died after its commit is no loss. The locks
 * of a parent and of its child are never held together.
 */
export function startSignals(context: Context): Rounds {
  return repeat(context, "signals", context.config.engine.sweepEveryMs, async () => {
    await context.db.transaction(matchUnsettled);
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const taken = await drainOnce(context);
      if (taken < MAX_SIGNALS) return;
    }
  });
}

/** Of the runs that share a transaction one may be what the database refuses: then each has one of its own. */
async function drainOnce(context: Context): Promise<number> {
  try {
    return await drainSignals(context);
  } catch (error) {
    if (isAway(error)) throw error;
  }
  const runs = await listSignalled(context.db, MAX_SIGNALS);
  for (const run of runs) {
    try {
      await drainSignals(context, run);
    } catch (error) {
      if (isAway(error)) throw error;
      context.log.error({ runId: run, error }, "a run cannot hear what it must; it is told again in a minute");
      await postponeSignalsOf(context.db, run);
    }
  }
  return 0;
}

/** @param run only what this run must hear */
async function drainSignals(context: Context, run?: string): Promise<number> {
  return advancing(context, async (tx) => {
    const signals = await takeSignals(tx, MAX_SIGNALS, run);
    if (signals.length === 0) return 0;
    const byRun = Map.groupBy(signals, (signal) => signal.run);
    const inputs = new Map([...byRun].map(([run, some]) => [run, some.flatMap(inputOf)]));
    const { failed } = await advanceRuns(context, tx, [...byRun.keys()], (run) => inputs.get(run.state.id) ?? []);
    // Also of runs that are gone; only what a run could not be advanced with waits.
    const later = signals.filter((signal) => failed.has(signal.run));
    await postponeSignals(
      tx,
      later.map((signal) => signal.id),
    );
    await deleteSignals(
      tx,
      signals.filter((signal) => !later.includes(signal)).map((signal) => signal.id),
    );
    return signals.length;
  });
}

function inputOf(signal: TakenSignal): Input[] {
  switch (signal.kind) {
    case "child-ended":
      return [
        {
          kind: "child-ended",
          ...signal.data,
          child: signal.ref,
          output: signal.output ?? null,
          failure: signal.data.failure,
          costNanoUsd: signal.cost ?? 0n,
        },
      ];
    case "cancel":
      return [{ kind: "cancel", ...signal.data }];
    case "pause":
    case "resume":
      return [{ kind: signal.kind, ...signal.data }];
    case "event": {
      const { event, data } = signal;
      return event ? [{ kind: "event", ...data, event }] : [];
    }
    default:
      return signal satisfies never;
  }
}
