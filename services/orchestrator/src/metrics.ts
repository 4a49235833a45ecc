import type { Metrics } from "@agentmesh/telemetry";
import type { Advance, Note } from "./domain/outcome.ts";
import type { QueueClass } from "./store/backlog.ts";

/** What the orchestrator counts, a function for each happening. */
export type OrchestratorMetrics = {
  advanced(advance: Advance): void;
  started(origin: "api" | "trigger" | "step", runs: number): void;
  claimed(waitedMs: number): void;
  claimRefused(): void;
  completed(durationMs: number): void;
  batch(group: string, items: number): void;
  /** What waits without credit, by priority. */
  backlog(classes: readonly QueueClass[]): void;
  /** What waits to be told, and for people; counted up to a bound. */
  waiting(counts: { readonly signals: number; readonly approvals: number }): void;
  dispatched(steps: number, unclaimed: number): void;
  triggerEvents(outcome: "started" | "duplicate" | "rejected", events: number): void;
};

const PRIORITIES = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] as const;

const NOTE_HELP: Readonly<Record<Note, string>> = {
  retried: "Attempts that failed and are tried again",
  "taken-over": "Leases that ended without a result",
  "timed-out": "Attempts over their timeout",
  redispatched: "Dispatched steps sent again because nobody claimed them",
  "stale-result": "Results refused because their epoch was old",
  "gate-failed": "Outputs that did not pass their gate",
  "in-doubt": "Steps that may have acted and wait for a person",
  expired: "Approvals and waits that nobody answered in time",
  stuck: "Runs found with nothing active and nothing they wait for",
};

export function createOrchestratorMetrics(metrics: Metrics): OrchestratorMetrics {
  const ended = metrics.counter("agentmesh_workflow_runs_ended_total", "Runs that ended, by state", ["state"]);
  const duration = metrics.histogram("agentmesh_workflow_step_duration_seconds", "Claim to result of a step");
  const wait = metrics.histogram("agentmesh_workflow_step_wait_seconds", "Dispatch to claim of a step");
  const notes = metrics.counter(
    "agentmesh_workflow_incidents_total",
    `What did not go straight: ${Object.entries(NOTE_HELP)
      .map(([name, help]) => `${name} (${help})`)
      .join(", ")}`,
    ["kind"],
  );
  const started = metrics.counter("agentmesh_workflow_runs_started_total", "Runs started, by origin", ["origin"]);
  const refused = metrics.counter("agentmesh_workflow_claims_refused_total", "Claims of steps that were not free");
  const backlog = metrics.gauge("agentmesh_workflow_backlog_steps", "Steps ready and without credit", ["priority"]);
  const oldest = metrics.gauge(
    "agentmesh_workflow_backlog_age_seconds",
    "How long the oldest step without credit has waited",
    ["priority"],
  );
  const signals = metrics.gauge("agentmesh_workflow_signals_waiting", "What runs are to hear and have not yet");
  const approvals = metrics.gauge("agentmesh_workflow_approvals_pending", "Approvals that nobody has decided");
  const unclaimed = metrics.gauge("agentmesh_workflow_unclaimed_steps", "Steps dispatched and not claimed, estimated");
  const dispatched = metrics.counter("agentmesh_workflow_steps_dispatched_total", "Steps sent to the work queue");
  const batches = metrics.histogram(
    "agentmesh_workflow_batch_items",
    "Items of one transaction, by group",
    ["group"],
    [1, 2, 5, 10, 20, 50, 100, 200, 500],
  );
  const events = metrics.counter("agentmesh_workflow_trigger_events_total", "Events seen by triggers, by outcome", [
    "outcome",
  ]);
  return {
    advanced(advance) {
      if (advance.ended) ended.inc({ state: advance.run.phase });
      for (const kind of advance.notes) notes.inc({ kind });
    },
    started: (origin, runs) => started.inc({ origin }, runs),
    claimed: (waitedMs) => wait.observe(Math.max(0, waitedMs) / 1000),
    claimRefused: () => refused.inc(),
    completed: (durationMs) => duration.observe(durationMs / 1000),
    batch: (group, items) => batches.observe({ group }, items),
    backlog(classes) {
      for (const priority of PRIORITIES) {
        const found = classes.find((one) => one.priority === priority);
        backlog.set({ priority: String(priority) }, found?.steps ?? 0);
        oldest.set({ priority: String(priority) }, found?.oldestS ?? 0);
      }
    },
    waiting(counts) {
      signals.set(counts.signals);
      approvals.set(counts.approvals);
    },
    dispatched(steps, waiting) {
      dispatched.inc(steps);
      unclaimed.set(waiting);
    },
    triggerEvents: (outcome, count) => events.inc({ outcome }, count),
  };
}
