/** What a service says of its own process on /metrics. */
export type ProcessMetrics = {
  readonly heapUsedBytes: number;
  readonly rssBytes: number;
  /** Timers, sockets and requests under way. */
  readonly handles: number;
  readonly spansStarted: number;
  readonly spansEnded: number;
  readonly uptimeS: number;
  /** How long the process took to answer /healthz, which does nothing: how long its event loop was busy. */
  readonly lagMs: number;
};

const withinMs = 10_000;

/** @throws Error where it does not answer, or a figure is not there */
export async function readMetrics(adminUrl: string): Promise<ProcessMetrics> {
  const signal = AbortSignal.timeout(withinMs);
  const began = performance.now();
  await (await fetch(`${adminUrl}/healthz`, { signal })).text();
  const lagMs = performance.now() - began;
  const text = await (await fetch(`${adminUrl}/metrics`, { signal })).text();
  return {
    heapUsedBytes: figure(text, "nodejs_heap_size_used_bytes"),
    rssBytes: figure(text, "process_resident_memory_bytes"),
    handles: figure(text, "nodejs_active_resources_total"),
    spansStarted: figure(text, "agentmesh_spans_started_total"),
    spansEnded: figure(text, "agentmesh_spans_ended_total"),
    uptimeS: figure(text, "process_uptime_seconds"),
    lagMs,
  };
}

/** Of a metric without labels of its own. */
function figure(text: string, name: string): number {
  const value = Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "m").exec(text)?.[1] ?? Number.NaN);
  if (Number.isFinite(value)) return value;
  throw new Error(`/metrics has no figure ${name}`);
}
