import { z } from "zod";
import { holds, type Op, ops } from "./condition.ts";
import { add, type Measurement, nothing } from "./measurement.ts";
import {
  allowedShare,
  badShare,
  hasErrorBudget,
  isGoodHigh,
  type Metric,
  type MetricName,
  metricNames,
  metricOf,
  readMetric,
} from "./metrics.ts";
import { labelFilter } from "./rule.ts";
import { MAX_WINDOW_S } from "./tiers.ts";

const slaMetrics = metricNames.filter((name) => hasErrorBudget(metricOf(name)));

/** An SlaTarget resource. */
export const slaTargetSpec = z
  .strictObject({
    metric: z.enum(slaMetrics),
    target: z.number().positive(),
    op: z.enum(ops),
    windowS: z.int().min(60).max(MAX_WINDOW_S),
    /** Seconds for which the target may be missed at a stretch without counting. Default 0. */
    graceS: z.int().min(0).max(86_400).default(0),
    /** Counts only samples with these labels. */
    where: labelFilter.default({}),
  })
  .superRefine((spec, context) => {
    const metric = metricOf(spec.metric);
    function refuse(path: "op" | "target" | "where", message: string, input: unknown): void {
      context.addIssue({ code: "custom", path: [path], message, input });
    }
    const fitting = isGoodHigh(metric) ? ["atLeast", "above"] : ["atMost", "below"];
    if (!fitting.includes(spec.op)) refuse("op", `expected ${fitting.join(" or ")} for ${spec.metric}`, spec.op);
    if (metric.reading.from !== "quantile" && spec.target >= 1) {
      refuse("target", "expected a share between 0 and 1; a target of 1 leaves no error budget", spec.target);
    }
    const unknown = Object.keys(spec.where).find((label) => !metric.labels.includes(label));
    if (unknown) refuse("where", `${spec.metric} has the labels ${metric.labels.join(", ")}`, unknown);
  });

export type SlaTarget = {
  readonly tenant: string;
  readonly name: string;
  readonly metric: MetricName;
  readonly target: number;
  readonly op: Op;
  readonly windowS: number;
  readonly graceS: number;
  readonly where: Readonly<Record<string, string>>;
};

export function compileTarget(tenant: string, name: string, spec: unknown): SlaTarget {
  return { ...slaTargetSpec.parse(spec), tenant, name };
}

/** What was measured in one step of the window; steps without samples are left out. */
export type Slot = { readonly at: Date; readonly measured: Measurement };

export type SlaFigures = {
  /** The metric over the whole window; 0 without samples. */
  readonly value: number;
  /** Share of the window in which the target held or nothing happened, 0..1. */
  readonly compliance: number;
  /** 1: untouched, 0: spent, below 0: overdrawn. */
  readonly budgetLeft: number;
  /** Over the last twelfth of the window; 1 spends exactly the whole budget in a window. */
  readonly burnRate: number;
  readonly samples: number;
  /** The window misses its target, and did so for longer than the grace. */
  readonly violated: boolean;
};

/** The share of a window that says how fast the budget burns now. */
const RECENT = 12;

/**
 * Reads a window slot by slot. A stretch of missed slots that is not longer than the grace is forgiven.
 *
 * @param slots in order of time
 */
export function slaFigures(target: SlaTarget, slots: readonly Slot[], stepS: number, now: Date): SlaFigures {
  const metric = metricOf(target.metric);
  const whole = sum(slots);
  const recentFrom = now.getTime() - (target.windowS / RECENT) * 1000 - stepS * 1000;
  const recent = sum(slots.filter((slot) => slot.at.getTime() > recentFrom));
  const value = readMetric(metric, whole);
  const missedS = missedSeconds(target, metric, slots, stepS);
  return {
    value: value ?? 0,
    compliance: Math.max(0, 1 - missedS / target.windowS),
    budgetLeft: 1 - burnRate(target, whole),
    burnRate: burnRate(target, recent),
    samples: whole.count,
    violated: missedS > 0 && value !== undefined && !holds(target.op, value, target.target),
  };
}

/** How many times faster than allowed bad events come. */
export function burnRate(target: SlaTarget, measured: Measurement): number {
  const metric = metricOf(target.metric);
  return badShare(metric, target.target, measured) / allowedShare(metric, target.target);
}

function sum(slots: readonly Slot[]): Measurement {
  return slots.reduce((total, slot) => add(total, slot.measured), nothing);
}

function missedSeconds(target: SlaTarget, metric: Metric, slots: readonly Slot[], stepS: number): number {
  let missedS = 0;
  let stretchS = 0;
  let lastMs = Number.NEGATIVE_INFINITY;
  function endStretch(): void {
    if (stretchS > target.graceS) missedS += stretchS;
    stretchS = 0;
  }
  for (const { at, measured } of slots) {
    const value = readMetric(metric, measured);
    const missed = value !== undefined && !holds(target.op, value, target.target);
    if (!missed || at.getTime() - lastMs > stepS * 1000) endStretch();
    if (missed) stretchS += stepS;
    lastMs = at.getTime();
  }
  endStretch();
  return missedS;
}
