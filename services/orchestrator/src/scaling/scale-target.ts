import { describeError } from "@agentmesh/errors";
import type { Database } from "@agentmesh/postgres";
import type { Logger } from "@agentmesh/telemetry";
import type { Cluster, ClusterView } from "./cluster.ts";
import { type Decision, decide } from "./decide.ts";
import { type Gathered, type Load, orchestratorLoad, runnerLoad } from "./make-signals.ts";
import type { Outcome, ScalingMetrics } from "./metrics.ts";
import { createRecentLoad, type RecentLoad } from "./recent-load.ts";
import type { ScalingPolicy, ScalingSettings } from "./settings.ts";
import { type HeldTarget, noteDecision, noteReplicas } from "./store.ts";

export type ScalerOptions = {
  readonly settings: ScalingSettings;
  readonly db: Database;
  readonly log: Logger;
  readonly metrics: ScalingMetrics;
  readonly cluster: Cluster | undefined;
  readonly holder: string;
};

export type Scaler = {
  readonly deployments: readonly string[];
  /** Decides on a deployment that this replica holds the lease of, and carries it out where it may. */
  scale(target: HeldTarget, gathered: Gathered): Promise<Decision>;
};

type Target = {
  readonly policy: ScalingPolicy;
  readonly recent: RecentLoad;
  /** Without a cluster: the replicas that are seen at work. */
  seen(gathered: Gathered): number | undefined;
  load(gathered: Gathered, replicas: number | undefined, view: ClusterView | undefined): Load;
};

export function createScaler(options: ScalerOptions): Scaler {
  const { settings, db, log, metrics, cluster, holder } = options;
  const targets = targetsOf(settings);
  const said = new Map<string, string>();

  async function carryOut(held: HeldTarget, from: number, decision: Decision, view: ClusterView | undefined) {
    if (!cluster || settings.mode !== "apply") return "planned";
    if (view?.autoscaler !== undefined) return "left-to-autoscaler";
    const { deployment, now, changed_at: before } = held;
    // Noted first: whoever dies in between leaves a cooldown too many, and not a change too many.
    if (!(await noteReplicas(db, holder, deployment, decision.target, now))) return "lease-lost";
    try {
      return await cluster.setReplicas(deployment, from, decision.target);
    } catch (error) {
      await noteReplicas(db, holder, deployment, from, before);
      log.warn({ deployment, reason: describeError(error) }, "replicas not set; the next round decides anew");
      return "failed";
    }
  }

  /** Each decision once: a round that says the same as the one before says nothing. */
  function say(
    deployment: string,
    replicas: number | undefined,
    decision: Decision,
    outcome: Outcome | "held",
  ): boolean {
    const { target, direction, heldBy, reasons } = decision;
    const what = JSON.stringify([replicas, target, heldBy, outcome]);
    if (said.get(deployment) === what) return false;
    said.set(deployment, what);
    const fields = { deployment, replicas, target, direction, score: decision.score, reasons, heldBy, outcome };
    log.info(fields, "scaling decided");
    return true;
  }

  return {
    deployments: [...targets.keys()],
    async scale(held, gathered) {
      const target = targets.get(held.deployment);
      if (!target) throw new Error(`${held.deployment} is none of ${[...targets.keys()].join(", ")}`);
      const view = await cluster?.view(held.deployment);
      const replicas = view ? view.replicas : target.seen(gathered);
      const changedAt = await noteSeen(db, holder, held, replicas);
      const { signals, expected } = target.load(gathered, replicas, view);
      const nowMs = held.now.getTime();
      const isWhole = expected.every((name) => signals[name] !== undefined);
      if (!isWhole) target.recent.forget();
      const peaks = isWhole ? target.recent.add(signals, nowMs) : undefined;
      const changedAtMs = changedAt?.getTime();
      const decided = decide({ signals, peaks, expected, replicas, changedAtMs, nowMs }, target.policy);
      const more = [view?.problem, view?.autoscaler && `${view.autoscaler} scales it`].filter(
        (text) => text !== undefined,
      );
      const decision = { ...decided, reasons: [...decided.reasons, ...more] };
      metrics.decided(held.deployment, replicas, decision, signals);
      await noteDecision(db, holder, held.deployment, decision);
      if (decision.direction === "hold" || replicas === undefined) {
        say(held.deployment, replicas, decision, "held");
        return decision;
      }
      const outcome = await carryOut({ ...held, changed_at: changedAt }, replicas, decision, view);
      const isNew = say(held.deployment, replicas, decision, outcome);
      if (isNew || outcome === "failed") metrics.ended(held.deployment, decision.direction, outcome);
      return decision;
    },
  };
}

/** The cooldown counts from any change of replicas, whoever made it. @returns when that was */
async function noteSeen(
  db: Database,
  holder: string,
  held: HeldTarget,
  replicas: number | undefined,
): Promise<Date | null> {
  if (replicas === undefined || replicas === held.replicas) return held.changed_at;
  const changedAt = held.replicas === null ? null : held.now;
  await noteReplicas(db, holder, held.deployment, replicas, changedAt);
  return changedAt;
}

function targetsOf({ runner, orchestrator }: ScalingSettings): ReadonlyMap<string, Target> {
  return new Map<string, Target>([
    [
      runner.deployment,
      {
        policy: runner.policy,
        recent: createRecentLoad(runner.policy.down.afterS * 1000),
        // A runner without a step is not seen.
        seen: ({ backlog }) => backlog?.workers || undefined,
        load: (gathered, replicas, view) =>
          runnerLoad(gathered, replicas && replicas * runner.placesPerReplica, view?.usage),
      },
    ],
    [
      orchestrator.deployment,
      {
        policy: orchestrator.policy,
        recent: createRecentLoad(orchestrator.policy.down.afterS * 1000),
        seen: ({ reports }) => reports?.length,
        load: (gathered, _replicas, view) => orchestratorLoad(gathered, view?.usage),
      },
    ],
  ]);
}
