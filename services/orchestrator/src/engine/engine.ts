import { describeError } from "@agentmesh/errors";
import { type GroupCommit, groupCommit } from "@agentmesh/postgres";
import type { Context } from "../context.ts";
import { workOf } from "../domain/step-work.ts";
import { type ClaimedStep, type ClaimRequest, claimSteps, noteStarted, stepKeyText } from "../store/claims.ts";
import { type Completed, type Completion, completeAll } from "./complete-steps.ts";
import { type StartOutcome, type StartRequest, startRuns } from "./start-runs.ts";

/** What callers ask in numbers, each kind grouped into few transactions. */
export type Engine = {
  readonly start: GroupCommit<StartRequest, StartOutcome>;
  /** undefined: refused. */
  readonly claim: GroupCommit<ClaimRequest, ClaimedStep | undefined>;
  readonly complete: GroupCommit<Completion, Completed>;
};

const MAX_QUEUED = 20_000;
// Two of each keep the database busy while this process works on the other; more only divide the batches.
const LANES = 2;

export function createEngine(context: Context): Engine {
  const { metrics } = context;
  const common = { maxQueued: MAX_QUEUED, concurrency: LANES };
  const start = groupCommit<StartRequest, StartOutcome>({
    ...common,
    name: "workflow starts",
    maxItems: 100,
    commit(requests) {
      metrics.batch("start", requests.length);
      return context.db.transaction((tx) => startRuns(context, tx, requests));
    },
  });
  const claim = groupCommit<ClaimRequest, ClaimedStep | undefined>({
    ...common,
    name: "claims of steps",
    maxItems: 256,
    commit: (requests) => claimAll(context, requests),
  });
  const complete = groupCommit<Completion, Completed>({
    ...common,
    name: "results of steps",
    maxItems: 200,
    commit: (completions) => completeAll(context, completions),
  });
  return { start, claim, complete };
}

async function claimAll(
  context: Context,
  requests: readonly ClaimRequest[],
): Promise<readonly (ClaimedStep | undefined)[]> {
  const { metrics } = context;
  metrics.batch("claim", requests.length);
  const claimed = await claimSteps(context.db, requests, context.config.engine.leaseMs);
  context.dispatcher.claimed(requests.length);
  const byKey = new Map(claimed.map((step) => [`${stepKeyText({ ...step, runId: step.run })}:${step.worker}`, step]));
  for (const step of claimed) {
    metrics.claimed(step.started_at.getTime() - (step.dispatched_at?.getTime() ?? step.started_at.getTime()));
  }
  void sayStarted(context, claimed);
  return requests.map((request) => {
    const step = byKey.get(`${stepKeyText(request)}:${request.worker}`);
    if (!step) metrics.claimRefused();
    return step;
  });
}

/** For watchers; a run whose row somebody holds may wait for it, so no claim waits for this. */
async function sayStarted(context: Context, claimed: readonly ClaimedStep[]): Promise<void> {
  try {
    const long: ClaimedStep[] = [];
    for (const step of claimed) {
      const { plan } = await context.definitions.get(context.db, step);
      const planned = plan.byId.get(step.node);
      const work = planned && workOf(planned, { shard: step.shard, detail: step.detail ?? {} });
      if (work?.kind !== "agent") continue;
      context.past.took(step.tenant, work);
      // Thousands of items would fill the run's events.
      if (step.shard === 0) long.push(step);
    }
    if (long.length === 0) return;
    await noteStarted(context.db, long);
    context.hints.tell(long.map((step) => step.run));
  } catch (error) {
    context.log.warn({ reason: describeError(error) }, "the start of steps was not noted");
  }
}
