import { AppError } from "@agentmesh/errors";
import type { Context } from "../context.ts";
import type { Result } from "../domain/apply-result.ts";
import type { Offer } from "../domain/environment.ts";
import type { Plan } from "../domain/plan.ts";
import { stepKey } from "../domain/run-state.ts";
import { workOf } from "../domain/step-work.ts";
import { type ClaimedStep, claimSteps, heldSteps } from "../store/claims.ts";
import type { RunHead } from "../store/run-rows.ts";
import type { Advanced } from "../store/write-advances.ts";
import { advanceRuns, advancing } from "./advance-runs.ts";
import { handedSteps, noteHanded } from "./handed-steps.ts";

/** A result with the run it is of. */
export type Completion = Result & {
  readonly runId: string;
  /** Its worker takes a further step of the run in its place. */
  readonly takesNext: boolean;
};

export type Completed = {
  /** false: stale. */
  readonly accepted: boolean;
  /** Steps that are the worker's from now on. */
  readonly next: readonly ClaimedStep[];
};

const STALE: Completed = { accepted: false, next: [] };

/** Results of many runs in one transaction; an answer for each, in their order. */
export async function completeAll(
  context: Context,
  completions: readonly Completion[],
): Promise<readonly (Completed | AppError)[]> {
  context.metrics.batch("complete", completions.length);
  const byRun = Map.groupBy(completions, (completion) => completion.runId);
  const given = (id: string) => byRun.get(id) ?? [];
  const { answers, repeats } = await advancing(context, async (tx) => {
    const inputsOf = ({ state }: { state: { id: string } }) => given(state.id);
    const { runs, failed } = await advanceRuns(context, tx, [...byRun.keys()], inputsOf, ({ state }) =>
      offerOf(given(state.id)),
    );
    const found = { answers: new Map<Completion, Completed | AppError>(), repeats: [] as Completion[] };
    for (const id of failed) for (const completion of given(id)) found.answers.set(completion, notNow(id));
    for (const [runId, advanced] of runs) {
      const { plan } = await context.definitions.get(tx, advanced.head);
      answer(advanced, given(runId), found.answers);
      found.repeats.push(...given(runId).filter((completion) => isRepeat(advanced, completion)));
      tx.afterCommit(() => {
        learn(context, advanced.head, plan, given(runId));
        noteHanded(context, advanced, plan);
      });
    }
    return found;
  });
  await handAgain(context, repeats, answers);
  return completions.map((completion) => {
    const completed = answers.get(completion) ?? STALE;
    if (completed instanceof AppError) return completed;
    if (completed.accepted) context.metrics.completed(completion.durationMs);
    return completed;
  });
}

/** Refused as stale the work would be lost; asked again a little later it counts. */
function notNow(id: string): AppError {
  return new AppError("UNAVAILABLE", `run ${id} cannot be advanced now; report the result again`, {
    reason: "RUN_NOT_ADVANCED",
  });
}

function isRepeat({ advance: { before } }: Advanced, { node, shard, epoch, takesNext }: Completion): boolean {
  return takesNext && before.steps.get(stepKey(node, shard))?.doneEpoch === epoch;
}

/** The last of those who take more has all the places that this batch of its results freed. */
function offerOf(completions: readonly Completion[]): Offer | undefined {
  const worker = completions.findLast((completion) => completion.takesNext)?.worker;
  if (worker === undefined) return undefined;
  return { worker, places: completions.filter((one) => one.takesNext && one.worker === worker).length };
}

function answer(
  { head, advance }: Advanced,
  completions: readonly Completion[],
  into: Map<Completion, Completed | AppError>,
): void {
  const last = completions.findLast((completion) => completion.takesNext);
  for (const [index, completion] of completions.entries()) {
    const next = completion === last ? handedSteps({ head, advance }) : [];
    into.set(completion, { accepted: advance.answers[index] ?? false, next });
  }
}

/**
 * A worker that repeats a result may have lost the answer, and with it what it was handed: it is told again of all that
 * it holds of that run. What it knows already it takes no second time.
 */
async function handAgain(
  context: Context,
  repeats: readonly Completion[],
  answers: Map<Completion, Completed | AppError>,
): Promise<void> {
  for (const [worker, repeated] of Map.groupBy(repeats, (one) => one.worker)) {
    const held = await heldSteps(context.db, [...new Set(repeated.map((one) => one.runId))], worker);
    if (held.length === 0) continue;
    const requests = held.map((step) => ({ ...step, worker }));
    const claimed = await claimSteps(context.db, requests, context.config.engine.leaseMs);
    const [first] = repeated;
    if (first) answers.set(first, { accepted: true, next: claimed });
  }
}

/** What routers and forecasts go by. */
function learn(context: Context, head: RunHead, plan: Plan, completions: readonly Completion[]): void {
  for (const { node, failure, durationMs, quality } of completions) {
    context.past.lasted(head, node, durationMs);
    const planned = plan.byId.get(node);
    // Whoever does one shard does all.
    const work = planned && workOf(planned, { shard: 1, detail: {} });
    if (work?.kind === "agent") context.past.gave(head.tenant, work, failure === undefined, quality);
  }
}
