import { getHeapStatistics } from "node:v8";
import type { Logger } from "@agentmesh/telemetry";
import { type Action, BOUNDS, type Bounds, CALM, type ModelWindow, optimise, type Window } from "../domain/optimise.ts";
import { boundsExceeded } from "../domain/optimise-agents.ts";
import type { RunnerMetrics } from "../metrics.ts";
import { type AgentAccounts, createAgentAccounts } from "./agent-accounts.ts";

export type Optimiser = AsyncDisposable & {
  /** The metrics, with an ear on them. */
  readonly measured: RunnerMetrics;
  /** Calls this one, and no other, with a window's actions after they were applied. */
  listen(listener: (actions: readonly Action[], window: Window) => void): void;
  /** Where runs say what they take. */
  readonly accounts: AgentAccounts;
  /** Why an agent, `<tenant>/<agent>`, should ask a model last; undefined: it need not. */
  reservationOf(model: string, agent: string): string | undefined;
  /** Ends the window now and does what it asks for. */
  tick(): readonly Action[];
};

export type OptimiserOptions = {
  readonly measured: RunnerMetrics;
  readonly log: Logger;
  /** Length of a window, in milliseconds. Default 60 000. */
  readonly everyMs?: number;
  readonly trimCaches: () => void;
  readonly setConcurrency: (share: number) => void;
  readonly setAgentConcurrency: (agent: string, share: number) => void;
  /** Default: `BOUNDS`. */
  readonly bounds?: Bounds;
  /** What the process used since it was asked last; given in tests. */
  readonly readUsage?: () => Usage;
};

type Usage = Pick<Window, "memoryShare" | "cpuShare"> & { readonly elapsedMs: number; readonly cpuMs: number };

// Of each model in a window; enough for a percentile.
const MAX_SAMPLES = 1_000;
const MAX_MODELS = 200;

type Samples = { calls: number; failed: number; durationsMs: number[] };

/** Watches what runs do, decides once a window, and applies it. All it does is logged with its reason and reversible. */
export function startOptimiser(options: OptimiserOptions): Optimiser {
  const { measured, log, everyMs = 60_000, bounds = BOUNDS, readUsage = createUsageReader() } = options;
  const accounts = createAgentAccounts();
  let samples = new Map<string, Samples>();
  let posture = CALM;
  const reasons = new Map<string, string>();
  let listener: Parameters<Optimiser["listen"]>[0] | undefined;

  function note(model: string, outcome: "ok" | "failed", durationMs: number): void {
    const known = samples.get(model) ?? { calls: 0, failed: 0, durationsMs: [] };
    if (!samples.has(model) && samples.size >= MAX_MODELS) return;
    samples.set(model, known);
    known.calls += 1;
    if (outcome === "failed") known.failed += 1;
    if (known.durationsMs.length < MAX_SAMPLES) known.durationsMs.push(durationMs);
  }

  function apply(action: Action): void {
    measured.optimised(action.kind);
    log.info({ ...action }, "optimiser");
    switch (action.kind) {
      case "trim-caches":
        options.trimCaches();
        return;
      case "set-concurrency":
        options.setConcurrency(action.share);
        return;
      case "reserve-model":
        reasons.set(action.model, action.reason);
        return;
      case "restore-model":
        reasons.delete(action.model);
        return;
      case "set-agent-concurrency":
        options.setAgentConcurrency(action.agent, action.share);
        return;
      case "switch-model":
        reasons.set(switchOf(action.agent, action.model), action.reason);
        return;
      case "return-model":
        reasons.delete(switchOf(action.agent, action.model));
        return;
      default:
        action satisfies never;
    }
  }

  function tick(): readonly Action[] {
    const { elapsedMs, cpuMs, ...shares } = readUsage();
    const agents = accounts.take(elapsedMs, cpuMs);
    measured.agentsUsed(agents.map((each) => ({ ...each, above: boundsExceeded(each, bounds.agent) })));
    const window: Window = { ...shares, models: [...samples].map(summarise), agents };
    samples = new Map();
    const decided = optimise(window, posture, bounds);
    posture = decided.posture;
    for (const action of decided.actions) apply(action);
    if (decided.actions.length > 0) listener?.(decided.actions, window);
    return decided.actions;
  }

  const timer = setInterval(tick, everyMs).unref();
  return {
    measured: {
      ...measured,
      calledModel(model, outcome, durationMs) {
        measured.calledModel(model, outcome, durationMs);
        note(model, outcome, durationMs);
      },
    },
    accounts,
    listen(wanted) {
      listener = wanted;
    },
    reservationOf: (model, agent) => reasons.get(model) ?? reasons.get(switchOf(agent, model)),
    tick,
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
    },
  };
}

function switchOf(agent: string, model: string): string {
  return `${agent} ${model}`;
}

function summarise([model, { calls, failed, durationsMs }]: [string, Samples]): ModelWindow {
  const sorted = durationsMs.toSorted((a, b) => a - b);
  return { model, calls, failed, p95Ms: sorted[Math.floor(sorted.length * 0.95)] ?? 0 };
}

function createUsageReader(): () => Usage {
  let cpu = process.cpuUsage();
  let atMs = performance.now();
  return () => {
    const usedMs = process.cpuUsage(cpu);
    const elapsedMs = Math.max(1, performance.now() - atMs);
    cpu = process.cpuUsage();
    atMs = performance.now();
    // Of one processor: one thread does the work, whatever the others help with.
    const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
    const cpuMs = (usedMs.user + usedMs.system) / 1000;
    return { memoryShare: used / limit, cpuShare: cpuMs / elapsedMs, elapsedMs, cpuMs };
  };
}
