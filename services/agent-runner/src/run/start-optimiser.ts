import { getHeapStatistics } from "node:v8";
import type { Logger } from "@agentmesh/telemetry";
import { type Action, CALM, type ModelWindow, optimise, type Window } from "../domain/optimise.ts";
import type { RunnerMetrics } from "../metrics.ts";

export type Optimiser = AsyncDisposable & {
  /** The metrics, with an ear on them. */
  readonly measured: RunnerMetrics;
  /** Why a model should be asked last; undefined: it need not. */
  reservationOf(model: string): string | undefined;
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
  /** What the process uses; given in tests. */
  readonly readUsage?: () => Pick<Window, "memoryShare" | "cpuShare">;
};

// Of each model in a window; enough for a percentile.
const MAX_SAMPLES = 1_000;
const MAX_MODELS = 200;

type Samples = { calls: number; failed: number; durationsMs: number[] };

/** Watches what runs do, decides once a window, and applies it. All it does is logged with its reason and reversible. */
export function startOptimiser(options: OptimiserOptions): Optimiser {
  const { measured, log, everyMs = 60_000, readUsage = createUsageReader() } = options;
  let samples = new Map<string, Samples>();
  let posture = CALM;
  const reasons = new Map<string, string>();

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
      default:
        action satisfies never;
    }
  }

  function tick(): readonly Action[] {
    const window: Window = { ...readUsage(), models: [...samples].map(summarise) };
    samples = new Map();
    const decided = optimise(window, posture);
    posture = decided.posture;
    for (const action of decided.actions) apply(action);
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
    reservationOf: (model) => reasons.get(model),
    tick,
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
    },
  };
}

function summarise([model, { calls, failed, durationsMs }]: [string, Samples]): ModelWindow {
  const sorted = durationsMs.toSorted((a, b) => a - b);
  return { model, calls, failed, p95Ms: sorted[Math.floor(sorted.length * 0.95)] ?? 0 };
}

function createUsageReader(): () => Pick<Window, "memoryShare" | "cpuShare"> {
  let cpu = process.cpuUsage();
  let atMs = performance.now();
  return () => {
    const usedMs = process.cpuUsage(cpu);
    const elapsedMs = Math.max(1, performance.now() - atMs);
    cpu = process.cpuUsage();
    atMs = performance.now();
    // Of one processor: one thread does the work, whatever the others help with.
    const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
    return { memoryShare: used / limit, cpuShare: (usedMs.user + usedMs.system) / 1000 / elapsedMs };
  };
}
