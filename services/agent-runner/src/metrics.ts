import type { Metrics } from "@agentmesh/telemetry";

export type RunnerMetrics = {
  /** A run ended. `cache` is none, l1 or l2. */
  ran(agent: string, state: string, cache: string, durationMs: number): void;
  calledModel(model: string, outcome: "ok" | "failed", durationMs: number): void;
  calledTool(outcome: "ok" | "failed"): void;
  cacheDegraded(operation: "lookup" | "store"): void;
  /** A workflow step left this worker. */
  worked(kind: "agent" | "tool", outcome: "succeeded" | "failed" | "fenced" | "refused"): void;
  stepsHeld(count: number): void;
};

export function runnerMetrics(metrics: Metrics): RunnerMetrics {
  const runs = metrics.histogram("agentmesh_agent_run_duration_seconds", "Agent runs", ["agent", "state", "cache"]);
  const calls = metrics.histogram("agentmesh_model_call_duration_seconds", "Upstream model calls", [
    "model",
    "outcome",
  ]);
  const tools = metrics.counter("agentmesh_tool_calls_total", "Tool calls of agents", ["outcome"]);
  const degraded = metrics.counter("agentmesh_runner_cache_degraded_total", "Runs that went on without the cache", [
    "operation",
  ]);
  const steps = metrics.counter("agentmesh_worker_steps_total", "Workflow steps", ["kind", "outcome"]);
  const held = metrics.gauge("agentmesh_worker_steps_held", "Workflow steps leased to this process");
  return {
    ran: (agent, state, cache, durationMs) => runs.observe({ agent, state, cache }, durationMs / 1000),
    calledModel: (model, outcome, durationMs) => calls.observe({ model, outcome }, durationMs / 1000),
    calledTool: (outcome) => tools.inc({ outcome }),
    cacheDegraded: (operation) => degraded.inc({ operation }),
    worked: (kind, outcome) => steps.inc({ kind, outcome }),
    stepsHeld: (count) => held.set(count),
  };
}
