import { eventually } from "@agentmesh/harness";
import type { SoakMesh } from "../mesh/open-soak-mesh.ts";
import { readMetrics } from "../watch/read-metrics.ts";

export type SpanCount = {
  readonly started: number;
  readonly ended: number;
};

export type Spans = {
  /** By process name, since it began. */
  readonly byService: ReadonlyMap<string, SpanCount>;
  /** That reached the collector. */
  readonly received: number;
};

/** Exporters send what they have every 5 s. */
const collectedWithinMs = 12_000;

/** After the rest: how many spans there were, and how many of them the collector has. */
export async function readSpans({ mesh, collector }: SoakMesh): Promise<Spans> {
  const byService = new Map<string, SpanCount>();
  for (const { name, adminUrl } of mesh.services) {
    const { spansStarted: started, spansEnded: ended } = await readMetrics(adminUrl);
    byService.set(name, { started, ended });
  }
  const ended = sumOf(byService, (count) => count.ended);
  // An exporter that cannot keep up drops spans: that is told, and no fault of whoever ended them.
  await eventually(() => collector.received() >= ended, { what: "spans", timeoutMs: collectedWithinMs }).catch(
    () => undefined,
  );
  return { byService, received: collector.received() };
}

export function sumOf(byService: Spans["byService"], pick: (count: SpanCount) => number): number {
  return [...byService.values()].reduce((sum, count) => sum + pick(count), 0);
}
