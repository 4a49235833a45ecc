import { type Measurement, quantile, shareAbove } from "./measurement.ts";

/** What is counted. Each event becomes samples of these. */
export type Series =
  | "agent_run"
  | "cost"
  | "workflow_start"
  | "workflow_run"
  | "workflow_at_risk"
  | "workflow_attention"
  | "trigger_rejected"
  | "dlp_found"
  | "budget"
  | "sign_in"
  | "request_refused"
  | "provider_health"
  | "agent_health";

type Reading =
  | { readonly from: "count" | "bad" | "sum" | "peak" | "badShare" | "goodShare" }
  | { readonly from: "quantile"; readonly q: number };

/** What a rule or a target can speak of: a reading of a series over a window. */
export type Metric = {
  readonly series: Series;
  /** What it can be grouped and filtered by. */
  readonly labels: readonly string[];
  readonly reading: Reading;
  /** The only window it makes sense over. Default: any. */
  readonly windowS?: number;
};

const agentRun = { series: "agent_run", labels: ["agent", "model"] } as const;
const workflowRun = { series: "workflow_run", labels: ["workflow"] } as const;
const cost = { series: "cost", labels: ["agent", "model"], reading: { from: "sum" } } as const;
const signIn = { series: "sign_in", labels: ["reason"] } as const;

export const metrics = {
  agent_runs: { ...agentRun, reading: { from: "count" } },
  agent_error_rate: { ...agentRun, reading: { from: "badShare" } },
  agent_success_rate: { ...agentRun, reading: { from: "goodShare" } },
  agent_latency_p50_ms: { ...agentRun, reading: { from: "quantile", q: 0.5 } },
  agent_latency_p95_ms: { ...agentRun, reading: { from: "quantile", q: 0.95 } },
  agent_latency_p99_ms: { ...agentRun, reading: { from: "quantile", q: 0.99 } },
  cost_usd: cost,
  daily_cost_usd: { ...cost, windowS: 86_400 },
  workflow_starts: { series: "workflow_start", labels: ["workflow", "origin"], reading: { from: "count" } },
  workflow_runs: { ...workflowRun, reading: { from: "count" } },
  workflow_failures: { ...workflowRun, reading: { from: "bad" } },
  workflow_failure_rate: { ...workflowRun, reading: { from: "badShare" } },
  workflow_success_rate: { ...workflowRun, reading: { from: "goodShare" } },
  workflow_latency_p50_ms: { ...workflowRun, reading: { from: "quantile", q: 0.5 } },
  workflow_latency_p95_ms: { ...workflowRun, reading: { from: "quantile", q: 0.95 } },
  workflow_latency_p99_ms: { ...workflowRun, reading: { from: "quantile", q: 0.99 } },
  workflows_at_risk: { series: "workflow_at_risk", labels: ["workflow"], reading: { from: "count" } },
  workflows_needing_attention: {
    series: "workflow_attention",
    labels: ["workflow", "reason"],
    reading: { from: "count" },
  },
  trigger_rejections: { series: "trigger_rejected", labels: ["trigger", "code"], reading: { from: "count" } },
  dlp_findings: { series: "dlp_found", labels: ["place", "kind", "action"], reading: { from: "count" } },
  budget_level: { series: "budget", labels: ["budget", "scope"], reading: { from: "peak" } },
  sign_ins: { ...signIn, reading: { from: "count" } },
  sign_in_failures: { ...signIn, reading: { from: "bad" } },
  provider_outages: { series: "provider_health", labels: ["provider"], reading: { from: "bad" } },
  agent_outages: { series: "agent_health", labels: ["agent"], reading: { from: "bad" } },
  requests_refused: { series: "request_refused", labels: ["stage", "code"], reading: { from: "count" } },
} as const satisfies Record<string, Metric>;

export type MetricName = keyof typeof metrics;

export function metricOf(name: MetricName): Metric {
  return metrics[name];
}

export const metricNames = Object.keys(metrics).filter((name) => isMetricName(name));

function isMetricName(name: string): name is MetricName {
  return Object.hasOwn(metrics, name);
}

/** A metric's value over what was measured; undefined where a share, a level or a quantile of nothing is asked for. */
export function readMetric({ reading }: Metric, measured: Measurement): number | undefined {
  const { count, bad } = measured;
  switch (reading.from) {
    case "count":
    case "bad":
    case "sum":
      return measured[reading.from];
    case "peak":
      return count === 0 ? undefined : measured.peak;
    case "badShare":
      return count === 0 ? undefined : bad / count;
    case "goodShare":
      return count === 0 ? undefined : (count - bad) / count;
    case "quantile":
      return count === 0 ? undefined : quantile(measured, reading.q);
    default:
      return reading satisfies never;
  }
}

/** Whether a target can be set for it: shares and latencies, for which "good" and "bad" events can be told apart. */
export function hasErrorBudget(metric: Metric): boolean {
  const { from } = metric.reading;
  return from === "badShare" || from === "goodShare" || from === "quantile";
}

/** Whether larger is better. */
export function isGoodHigh(metric: Metric): boolean {
  return metric.reading.from === "goodShare";
}

/** The share of events that may be bad under a target, 0..1. */
export function allowedShare(metric: Metric, target: number): number {
  if (metric.reading.from === "quantile") return 1 - metric.reading.q;
  return isGoodHigh(metric) ? 1 - target : target;
}

/** The share of events that were bad under a target, 0..1; 0 of nothing. */
export function badShare(metric: Metric, target: number, measured: Measurement): number {
  if (measured.count === 0) return 0;
  return metric.reading.from === "quantile" ? shareAbove(measured, target) : measured.bad / measured.count;
}
