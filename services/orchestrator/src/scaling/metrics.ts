import type { Metrics } from "@agentmesh/telemetry";
import type { Decision } from "./decide.ts";
import { waiting } from "./make-signals.ts";
import type { Backlog } from "./read-backlog.ts";
import { type Signals, signalNames } from "./score.ts";

/** What became of a decision to change: planned only, left to an autoscaler, carried out, or not. */
export type Outcome = "planned" | "left-to-autoscaler" | "applied" | "changed-by-another" | "lease-lost" | "failed";

export type ScalingMetrics = {
  leading(deployments: number): void;
  /** undefined: it could not be read. A figure that is not known is not exported, for an old one would be acted upon. */
  backlog(backlog: Backlog | undefined): void;
  decided(deployment: string, replicas: number | undefined, decision: Decision, signals: Signals): void;
  /** Nothing is known of it in this round. */
  unknown(deployment: string): void;
  ended(deployment: string, direction: string, outcome: Outcome): void;
  /** This replica no longer decides: what it exported last would be stale. */
  standBy(): void;
};

export function createScalingMetrics(metrics: Metrics): ScalingMetrics {
  const leads = metrics.gauge("agentmesh_scaling_leading", "Deployments that this replica decides on; 0: it stands by");
  const byDeployment = ["deployment"];
  const desired = metrics.gauge("agentmesh_scaling_desired_replicas", "Replicas that there should be", byDeployment);
  const current = metrics.gauge("agentmesh_scaling_current_replicas", "Replicas that there are", byDeployment);
  const score = metrics.gauge("agentmesh_scaling_score", "Composite score of the load", byDeployment);
  const signal = metrics.gauge("agentmesh_scaling_signal", "What the decision was made from", ["deployment", "signal"]);
  const queue = metrics.gauge("agentmesh_scaling_queue_steps", "Steps that no runner has taken");
  const changes = metrics.counter("agentmesh_scaling_changes_total", "Decisions to change replicas, by outcome", [
    "deployment",
    "direction",
    "outcome",
  ]);
  const exported = [desired, current, score, signal];
  function forget(deployment: string): void {
    for (const gauge of [desired, current, score]) gauge.remove({ deployment });
    for (const name of signalNames) signal.remove({ deployment, signal: name });
  }

  return {
    leading: (deployments) => leads.set(deployments),
    backlog(backlog) {
      if (backlog) queue.set(waiting(backlog));
      else queue.remove();
    },
    decided(deployment, replicas, decision, signals) {
      forget(deployment);
      score.set({ deployment }, decision.score);
      for (const [name, value] of Object.entries(signals)) signal.set({ deployment, signal: name }, value);
      if (replicas === undefined) return;
      desired.set({ deployment }, decision.target);
      current.set({ deployment }, replicas);
    },
    unknown: forget,
    ended: (deployment, direction, outcome) => changes.inc({ deployment, direction, outcome }),
    standBy() {
      leads.set(0);
      queue.remove();
      for (const gauge of exported) gauge.reset();
    },
  };
}
