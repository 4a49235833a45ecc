import { z } from "zod";
import { ops } from "./condition.ts";
import { type MetricName, metricNames, metricOf } from "./metrics.ts";
import { MAX_WINDOW_S } from "./tiers.ts";

export const severities = ["info", "warning", "error", "critical"] as const;

export type Severity = (typeof severities)[number];

/** How fast SLA targets burn their error budgets, over the rule's window and a twelfth of it; the smaller counts. */
export const BURN_RATE = "sla_burn_rate";

const DEFAULT_WINDOW_S = 300;
const name = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, "expected the name of a resource");
const names = z.array(z.string()).max(3);

export const labelFilter = z.record(z.string(), z.string().max(128));

/** An AlertRule resource. */
export const alertRuleSpec = z
  .strictObject({
    metric: z.enum([...metricNames, BURN_RATE]),
    op: z.enum(ops),
    threshold: z.number(),
    /** Seconds the metric looks back. Default 300; `daily_cost_usd` always looks back a day. */
    windowS: z.int().min(10).max(MAX_WINDOW_S).optional(),
    /** Seconds the condition must hold. Default 0: told at once. */
    forS: z.int().min(0).max(86_400).default(0),
    severity: z.enum(severities),
    /** An alert for each value of these labels. Default: one over all. */
    groupBy: z.union([z.string().transform((label) => [label]), names]).default([]),
    /** Counts only samples with these labels. */
    where: labelFilter.default({}),
    /** What is wrong, for a person. */
    summary: z.string().min(1).max(500),
    runbook: z
      .url({ protocol: /^https?$/ })
      .max(2000)
      .optional(),
    /** RFC 3339; until then its alerts are suppressed. */
    silencedUntil: z.iso.datetime({ offset: true }).optional(),
    /** Rules of the tenant; while one of them has an active alert, this one's are suppressed. */
    inhibitedBy: z.array(name).max(20).default([]),
  })
  .superRefine((spec, context) => {
    const metric = spec.metric === BURN_RATE ? { labels: ["sla"] } : metricOf(spec.metric);
    const known = metric.labels.join(", ");
    for (const [path, labels] of [
      ["groupBy", spec.groupBy],
      ["where", Object.keys(spec.where)],
    ] as const) {
      const unknown = labels.find((label) => !metric.labels.includes(label));
      if (unknown === undefined) continue;
      context.addIssue({
        code: "custom",
        path: [path],
        message: `${spec.metric} has the labels ${known}`,
        input: unknown,
      });
    }
    if ("windowS" in metric && spec.windowS !== undefined && spec.windowS !== metric.windowS) {
      const message = `${spec.metric} always looks back ${metric.windowS} s; leave windowS out`;
      context.addIssue({ code: "custom", path: ["windowS"], message, input: spec.windowS });
    }
  });

export type Rule = {
  readonly tenant: string;
  readonly name: string;
  readonly metric: MetricName | typeof BURN_RATE;
  readonly op: (typeof ops)[number];
  readonly threshold: number;
  readonly windowS: number;
  readonly forS: number;
  readonly severity: Severity;
  readonly groupBy: readonly string[];
  readonly where: Readonly<Record<string, string>>;
  readonly summary: string;
  readonly runbook: string;
  readonly silencedUntil: Date | undefined;
  readonly inhibitedBy: readonly string[];
};

/** @param spec as it was applied; one that an older version took and this one refuses throws */
export function compileRule(tenant: string, ruleName: string, spec: unknown): Rule {
  const { windowS, runbook = "", silencedUntil, ...rest } = alertRuleSpec.parse(spec);
  const fixed = rest.metric === BURN_RATE ? undefined : metricOf(rest.metric).windowS;
  return {
    ...rest,
    tenant,
    name: ruleName,
    windowS: fixed ?? windowS ?? DEFAULT_WINDOW_S,
    runbook,
    silencedUntil: silencedUntil ? new Date(silencedUntil) : undefined,
  };
}
