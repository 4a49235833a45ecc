import type { Metrics } from "@agentmesh/telemetry";

export type AlertingMetrics = ReturnType<typeof alertingMetrics>;

/** Business figures of the service, one function an event. */
export function alertingMetrics(metrics: Metrics) {
  const samples = metrics.counter("agentmesh_alerting_samples_total", "Samples recorded", ["series"]);
  const changes = metrics.counter(
    "agentmesh_alerting_changes_total",
    "Alerts that changed, by new state and severity",
    ["state", "severity"],
  );
  const sends = metrics.counter("agentmesh_alerting_sends_total", "Webhook sends by outcome", ["outcome"]);
  const evaluation = metrics.histogram("agentmesh_alerting_evaluation_seconds", "One evaluation of all rules");
  const owner = metrics.gauge("agentmesh_alerting_owner", "1 in the replica that evaluates");
  return {
    recorded: (series: string) => samples.inc({ series }),
    changed: (state: string, severity: string) => changes.inc({ state, severity }),
    sent: (outcome: "sent" | "failed" | "dead" | "cancelled") => sends.inc({ outcome }),
    evaluated: (durationMs: number) => evaluation.observe(durationMs / 1000),
    owns: (held: boolean) => owner.set(Number(held)),
  };
}
