import { isAppError } from "@agentmesh/errors";
import type { Transaction } from "@agentmesh/postgres";
import type { Context } from "../context.ts";
import type { Input } from "../domain/advance.ts";
import type { Offer } from "../domain/environment.ts";
import type { StoredRun } from "../store/run-rows.ts";
import { type LightNeeds, type LockedRuns, listDueRuns, lockDueRuns, lockRuns } from "../store/runs.ts";
import { type Advanced, postponeRuns, StepMovedError, writeAdvances } from "../store/write-advances.ts";
import { advanceOne } from "./advance-one.ts";
import { carryOut } from "./carry-out.ts";
import { publishOutcome } from "./publish-outcome.ts";
import { startRuns } from "./start-runs.ts";

const MAX_TRIES = 6;

/** A transaction that is done again when a step was claimed or released while its run was advanced. */
export async function advancing<T>(context: Context, run: (tx: Transaction) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await context.db.transaction(run);
    } catch (error) {
      if (!(error instanceof StepMovedError) || tries === MAX_TRIES) throw error;
    }
  }
}

export type InputsOf = (run: StoredRun) => readonly Input[];

/** Who takes what comes next in a run; undefined: it goes through the queue. */
export type OfferOf = (run: StoredRun) => Offer | undefined;

export type AdvancedRuns = {
  /** By id; runs that are not there are left out. */
  readonly runs: ReadonlyMap<string, Advanced>;
  /** Runs that are there and could not be advanced. */
  readonly failed: ReadonlySet<string>;
};

/** Locks runs and advances them. */
export async function advanceRuns(
  context: Context,
  tx: Transaction,
  ids: readonly string[],
  inputsOf: InputsOf,
  offerOf?: OfferOf,
): Promise<AdvancedRuns> {
  const locked = await lockRuns(tx, ids, needsOf(context, tx, inputsOf));
  return advanceLocked(context, tx, locked, inputsOf, offerOf);
}

const TICK: readonly Input[] = [{ kind: "tick" }];
const tick: InputsOf = () => TICK;

/** Lets time act on runs whose wake-up has come. @returns how many there were */
export async function advanceDueRuns(context: Context, tx: Transaction, limit: number): Promise<number> {
  const locked = await lockDueRuns(tx, limit, needsOf(context, tx, tick));
  if (locked.runs.length > 0) await advanceLocked(context, tx, locked, tick);
  return locked.runs.length;
}

/** As `advanceDueRuns`, each run in a transaction of its own, when the database refused them together. */
export async function advanceDueAlone(context: Context, limit: number): Promise<number> {
  const ids = await listDueRuns(context.db, limit);
  for (const id of ids) {
    try {
      await advancing(context, (tx) => advanceRuns(context, tx, [id], tick));
    } catch (error) {
      if (isAway(error)) throw error;
      context.log.error({ runId: id, error }, "a run cannot be advanced; it is tried again in a minute");
      await postponeRuns(context.db, [id]);
    }
  }
  return ids.length;
}

/** The database did not answer; otherwise it refused what it was given, and will refuse it again. */
export function isAway(error: unknown): boolean {
  return isAppError(error) && error.code === "UNAVAILABLE";
}

/** What of a run with shards its inputs are about. */
function needsOf(context: Context, tx: Transaction, inputsOf: InputsOf): LightNeeds {
  return {
    async nodesOf(head) {
      const { plan } = await context.definitions.get(tx, head);
      return [...plan.byId.keys()];
    },
    shardsOf(run) {
      const inputs = inputsOf(run);
      const named = inputs.flatMap((input) => ("shard" in input ? [{ node: input.node, shard: input.shard }] : []));
      // Time acts on all of them; undo has few.
      const live = run.state.phase === "compensating" || inputs.some((input) => !("shard" in input));
      return { named, live };
    },
  };
}

/**
 * Advances runs whose rows this transaction holds, and writes all that follows: steps, events of the run, events of the
 * mesh, other runs. Addresses leave for the queue, and watchers are woken, after the commit.
 */
async function advanceLocked(
  context: Context,
  tx: Transaction,
  locked: LockedRuns,
  inputsOf: InputsOf,
  offerOf?: OfferOf,
): Promise<AdvancedRuns> {
  const all: Advanced[] = [];
  const failed = new Set<string>();
  for (const stored of locked.runs) {
    try {
      const { plan } = await context.definitions.get(tx, stored.head);
      const advance = await advanceOne(context, tx, plan, stored, inputsOf(stored), locked.nowMs, {
        offer: offerOf?.(stored),
      });
      all.push({ head: stored.head, advance });
    } catch (error) {
      // One run that cannot be advanced must not hold up those it shares a transaction with.
      context.log.error({ runId: stored.state.id, error }, "a run cannot be advanced; it is tried again in a minute");
      failed.add(stored.state.id);
    }
  }
  await postponeRuns(tx, [...failed]);
  await writeAdvances(tx, all);
  await carryOut(context, tx, all, startRuns);
  await publishOutcome(context, tx, all);
  return { runs: new Map(all.map((one) => [one.advance.run.id, one])), failed };
}
