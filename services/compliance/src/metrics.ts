import type { Metrics } from "@agentmesh/telemetry";

export type ComplianceMetrics = ReturnType<typeof complianceMetrics>;

/** Business figures of the service, one function an event. */
export function complianceMetrics(metrics: Metrics) {
  const appended = metrics.counter("agentmesh_audit_entries_total", "Entries in the audit trail");
  const checkpoints = metrics.counter("agentmesh_audit_checkpoints_total", "Signed checkpoints");
  const findings = metrics.counter("agentmesh_classify_findings_total", "Findings of Classify by kind", ["kind"]);
  return {
    appended: (count: number) => appended.inc(count),
    checkpointSigned: () => checkpoints.inc(),
    found: (kind: string) => findings.inc({ kind }),
  };
}
