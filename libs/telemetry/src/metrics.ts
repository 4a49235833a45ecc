import { getHeapStatistics } from "node:v8";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { spanCounts } from "./span-counts.ts";

/**
 * A registry of one process. Names follow Prometheus: `agentmesh_<what>_<unit>`, counters end in `_total`. Asking for
 * a name again returns the same instrument.
 */
export type Metrics = {
  counter(name: string, help: string, labels?: readonly string[]): Counter;
  gauge(name: string, help: string, labels?: readonly string[]): Gauge;
  histogram(name: string, help: string, labels?: readonly string[], bucketsS?: readonly number[]): Histogram;
  /** Prometheus text. */
  render(): Promise<string>;
};

// Agent work takes from milliseconds (a cached answer) to minutes; default buckets cover both ends.
const BUCKETS_S = [0.001, 0.005, 0.025, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120];

export function createMetrics(defaultLabels: Record<string, string>): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels(defaultLabels);
  const known = new Map<string, Counter | Gauge | Histogram>();

  function once<T extends Counter | Gauge | Histogram>(
    name: string,
    type: new (...args: never[]) => T,
    make: () => T,
  ): T {
    const found = known.get(name);
    if (found instanceof type) return found;
    const made = make();
    known.set(name, made);
    return made;
  }

  collectProcess(registry);
  return {
    counter: (name, help, labels = []) =>
      once(name, Counter, () => new Counter({ name, help, labelNames: [...labels], registers: [registry] })),
    gauge: (name, help, labels = []) =>
      once(name, Gauge, () => new Gauge({ name, help, labelNames: [...labels], registers: [registry] })),
    histogram: (name, help, labels = [], bucketsS = BUCKETS_S) =>
      once(
        name,
        Histogram,
        () => new Histogram({ name, help, labelNames: [...labels], buckets: [...bucketsS], registers: [registry] }),
      ),
    render: () => registry.metrics(),
  };
}

// prom-client's default collectors keep an event-loop monitor and GC observer running all the time; the few figures
// that alerts use are read when scraped.
function collectProcess(registry: Registry): void {
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  gauge("process_resident_memory_bytes", "Resident memory of the process", () => process.memoryUsage.rss());
  gauge("process_cpu_seconds_total", "User and system CPU time of the process", () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  gauge("process_uptime_seconds", "How long the process has been up", () => process.uptime());
  gauge(
    "nodejs_heap_size_used_bytes",
    "JavaScript heap in use, garbage included",
    () => getHeapStatistics().used_heap_size,
  );
  gauge(
    "nodejs_external_memory_bytes",
    "Memory of V8's objects outside the heap",
    () => getHeapStatistics().external_memory,
  );
  gauge(
    "nodejs_active_resources_total",
    "Timers, sockets, requests: what keeps the loop alive",
    () => process.getActiveResourcesInfo().length,
  );
  gauge("agentmesh_spans_started_total", "Spans begun", () => spanCounts.started);
  gauge("agentmesh_spans_ended_total", "Spans ended; fewer than begun while work is under way", () => spanCounts.ended);
}
