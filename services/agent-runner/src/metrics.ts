import type { Metrics } from "@agentmesh/telemetry";
import type { AgentWindow } from "./domain/optimise-agents.ts";
import type { EffectOutcome } from "./effects/have-once.ts";

export type RunnerMetrics = {
  /** A run ended. `cache` is none, l1 or l2. */
  ran(agent: string, state: string, cache: string, durationMs: number): void;
  calledModel(model: string, outcome: "ok" | "failed", durationMs: number): void;
  calledTool(outcome: "ok" | "failed"): void;
  /** A call was announced to have its effect once (`intent`), and what became of it. */
  effect(outcome: "intent" | EffectOutcome): void;
  cacheDegraded(operation: "lookup" | "store"): void;
  /** A run was looked up less than its agent declares. */
  cacheBypassed(reason: "tool_effect"): void;
  /** A workflow step left this worker. */
  worked(kind: "agent" | "tool", outcome: "succeeded" | "failed" | "fenced" | "refused"): void;
  stepsHeld(count: number): void;
  /** A run whose replica is gone was taken over; `ended` where it could not begin anew. */
  tookOver(outcome: "restarted" | "ended"): void;
  runsLive(count: number): void;
  /** A user rated a run, 0 to 1. */
  rated(agent: string, score: number): void;
  /** The quality of an answer, 0 to 1. */
  scored(agent: string, score: number): void;
  /** A model was replaced by the next of its agent's. */
  fellBack(from: string, to: string, reason: string): void;
  breakerChanged(model: string, state: "closed" | "open" | "half-open"): void;
  providerHealth(provider: string, isHealthy: boolean): void;
  agentHealth(tenant: string, agent: string, isHealthy: boolean): void;
  /** A request for a run was answered, queue and cache included. */
  served(agent: string, outcome: "ended" | "failed", durationMs: number): void;
  middlewareBroke(middleware: string): void;
  optimised(action: string): void;
  /** Rows were deleted for their age. */
  forgot(kind: string, count: number): void;
  /** What agents took in the window that ended, and the bounds they are above. */
  agentsUsed(agents: readonly (AgentWindow & { readonly above: readonly string[] })[]): void;
};

const SCORES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];

export function runnerMetrics(metrics: Metrics): RunnerMetrics {
  const runs = metrics.histogram("agentmesh_agent_run_duration_seconds", "Agent runs", ["agent", "state", "cache"]);
  const calls = metrics.histogram("agentmesh_model_call_duration_seconds", "Upstream model calls", [
    "model",
    "outcome",
  ]);
  const tools = metrics.counter("agentmesh_tool_calls_total", "Tool calls of agents", ["outcome"]);
  const effects = metrics.counter("agentmesh_effects_total", "Effects of tools that are had once", ["outcome"]);
  const degraded = metrics.counter("agentmesh_runner_cache_degraded_total", "Runs that went on without the cache", [
    "operation",
  ]);
  const bypassed = metrics.counter("agentmesh_runner_cache_bypassed_total", "Runs without the declared cache mode", [
    "reason",
  ]);
  const steps = metrics.counter("agentmesh_worker_steps_total", "Workflow steps", ["kind", "outcome"]);
  const held = metrics.gauge("agentmesh_worker_steps_held", "Workflow steps leased to this process");
  const requests = metrics.histogram("agentmesh_agent_request_duration_seconds", "Requests for runs", [
    "agent",
    "outcome",
  ]);
  const takeOvers = metrics.counter("agentmesh_run_takeovers_total", "Runs of replicas that are gone", ["outcome"]);
  const live = metrics.gauge("agentmesh_durable_runs_live", "Durable runs under way in this process");
  const ratings = metrics.histogram("agentmesh_agent_run_rating", "Ratings by users", ["agent"], SCORES);
  const quality = metrics.histogram("agentmesh_agent_run_quality", "Quality of answers", ["agent"], SCORES);
  const fallbacks = metrics.counter("agentmesh_model_fallbacks_total", "Models replaced", ["from", "to", "reason"]);
  const breakers = metrics.gauge("agentmesh_model_breaker_open", "1 open, 0.5 half-open, 0 closed", ["model"]);
  const health = metrics.gauge("agentmesh_provider_healthy", "1 healthy, 0 not", ["provider"]);
  const agentHealth = metrics.gauge("agentmesh_agent_healthy", "1 healthy, 0 not", ["tenant", "agent"]);
  const broke = metrics.counter("agentmesh_run_middleware_failures_total", "Middleware that failed", ["middleware"]);
  const optimised = metrics.counter("agentmesh_optimiser_actions_total", "What the optimiser did", ["action"]);
  const forgotten = metrics.counter("agentmesh_retention_deleted_total", "Rows deleted for their age", ["kind"]);
  const used = agentGauges(metrics);
  return {
    agentsUsed: used,
    forgot: (kind, count) => forgotten.inc({ kind }, count),
    tookOver: (outcome) => takeOvers.inc({ outcome }),
    runsLive: (count) => live.set(count),
    rated: (agent, score) => ratings.observe({ agent }, score),
    scored: (agent, score) => quality.observe({ agent }, score),
    fellBack: (from, to, reason) => fallbacks.inc({ from, to, reason }),
    breakerChanged: (model, state) => breakers.set({ model }, { closed: 0, "half-open": 0.5, open: 1 }[state]),
    providerHealth: (provider, isHealthy) => health.set({ provider }, isHealthy ? 1 : 0),
    agentHealth: (tenant, agent, isHealthy) => agentHealth.set({ tenant, agent }, isHealthy ? 1 : 0),
    served: (agent, outcome, durationMs) => requests.observe({ agent, outcome }, durationMs / 1000),
    middlewareBroke: (middleware) => broke.inc({ middleware }),
    optimised: (action) => optimised.inc({ action }),
    ran: (agent, state, cache, durationMs) => runs.observe({ agent, state, cache }, durationMs / 1000),
    calledModel: (model, outcome, durationMs) => calls.observe({ model, outcome }, durationMs / 1000),
    calledTool: (outcome) => tools.inc({ outcome }),
    effect: (outcome) => effects.inc({ outcome }),
    cacheDegraded: (operation) => degraded.inc({ operation }),
    cacheBypassed: (reason) => bypassed.inc({ reason }),
    worked: (kind, outcome) => steps.inc({ kind, outcome }),
    stepsHeld: (count) => held.set(count),
  };
}

/** Of the last window; agents without a run in it are not there. */
function agentGauges(metrics: Metrics): RunnerMetrics["agentsUsed"] {
  const of = ["tenant", "agent"];
  const rate = metrics.gauge("agentmesh_agent_requests_per_minute", "Runs begun", of);
  const cpu = metrics.gauge("agentmesh_agent_cpu_share_estimate", "Of one processor, for each run under way", of);
  const memory = metrics.gauge("agentmesh_agent_memory_bytes_estimate", "The most its runs held at once", of);
  const above = metrics.gauge("agentmesh_agent_above_bound", "1 above", [...of, "bound"]);
  return (agents) => {
    for (const gauge of [rate, cpu, memory, above]) gauge.reset();
    for (const each of agents) {
      const [tenant = "", agent = ""] = each.agent.split("/");
      rate.set({ tenant, agent }, each.requestsPerMinute);
      cpu.set({ tenant, agent }, each.cpuShare);
      memory.set({ tenant, agent }, each.memoryBytes);
      for (const bound of each.above) above.set({ tenant, agent, bound }, 1);
    }
  };
}
