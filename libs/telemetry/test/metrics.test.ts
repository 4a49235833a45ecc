import assert from "node:assert/strict";
import { test } from "node:test";
import { createMetrics, endSpan, startDetachedSpan, startTracing } from "../src/index.ts";

test("instruments render with the process's labels; a name is one instrument", async () => {
  const metrics = createMetrics({ service: "cost" });
  const held = metrics.counter("agentmesh_holds_total", "Holds", ["outcome"]);
  held.inc({ outcome: "granted" });
  metrics.counter("agentmesh_holds_total", "Holds", ["outcome"]).inc({ outcome: "granted" }, 2);
  metrics.gauge("agentmesh_open_holds", "Open holds").set(7);
  metrics.histogram("agentmesh_hold_seconds", "Time", [], [0.1, 1]).observe(0.5);
  const text = await metrics.render();
  assert.match(text, /^agentmesh_holds_total\{outcome="granted",service="cost"\} 3$/m);
  assert.match(text, /^agentmesh_open_holds\{service="cost"\} 7$/m);
  assert.match(text, /^agentmesh_hold_seconds_bucket\{le="1",service="cost"\} 1$/m);
  assert.match(text, /^agentmesh_hold_seconds_bucket\{le="0.1",service="cost"\} 0$/m);
  for (const name of ["resident_memory_bytes", "cpu_seconds_total", "uptime_seconds"]) {
    assert.match(text, new RegExp(`^process_${name}\\{service="cost"\\} [\\d.]+`, "m"));
  }
});

test("a name asked for as another kind of instrument is refused by name; two processes' worth do not meet", async () => {
  const metrics = createMetrics({});
  metrics.counter("agentmesh_a_total", "A").inc();
  assert.throws(() => metrics.gauge("agentmesh_a_total", "A"), /agentmesh_a_total/);
  const other = createMetrics({});
  other.counter("agentmesh_a_total", "A");
  assert.match(await other.render(), /^agentmesh_a_total 0$/m);
});

test("a process says what it holds: heap, what is under way, and spans that nobody has ended", async () => {
  await using _tracing = await startTracing({ service: "cost", environment: "test", version: "0" });
  const metrics = createMetrics({});
  const figure = async (name: string) => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(await metrics.render())?.[1]);
  const open = async () =>
    (await figure("agentmesh_spans_started_total")) - (await figure("agentmesh_spans_ended_total"));
  assert.ok((await figure("nodejs_heap_size_used_bytes")) > 1e6);
  assert.ok((await figure("nodejs_external_memory_bytes")) > 0 && (await figure("nodejs_active_resources_total")) >= 0);
  const span = startDetachedSpan("work", {});
  assert.equal(await open(), 1);
  endSpan(span);
  endSpan(span);
  assert.equal(await open(), 0);
});
