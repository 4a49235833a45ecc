/** Where replicas tell watchers that a run moved. */
export function hintSubject(tenant: string, runId: string): string {
  return `hint.run.${tenant.replace(/[^A-Za-z0-9_-]/g, "_")}.${runId}`;
}
