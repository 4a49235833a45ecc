import assert from "node:assert/strict";
import { test } from "node:test";
import { createMetrics } from "@agentmesh/telemetry";
import { type Gathered, orchestratorLoad, runnerLoad } from "./make-signals.ts";
import { createProcessMeter, type Report } from "./measure-process.ts";

const report: Report = {
  cpuPercent: 20,
  memoryPercent: 40,
  connections: 8,
  claims: 10,
  waitedMs: 500,
  results: 9,
  failures: 1,
};
const backlog = {
  byPriority: [
    { priority: 9, steps: 3, oldestS: 2 },
    { priority: 1, steps: 4, oldestS: 7 },
  ],
  unclaimed: 5,
  unclaimedMs: 900,
  lateRuns: 6,
  lateMs: 2500,
  running: 64,
  workers: 2,
};
const gathered: Gathered = { backlog, reports: [report, { ...report, cpuPercent: 60, claims: 0, waitedMs: 0 }] };

test("runners: what waits anywhere, the mean wait of what was claimed, places and attempts that failed", () => {
  const { signals } = runnerLoad(gathered, 256, undefined);
  assert.deepEqual(signals, { queue: 12, latencyMs: 50, placesPercent: 25, errorPercent: 10 });
});

test("runners: while nothing is claimed, the oldest that waits says how long", () => {
  const stuck: Gathered = { backlog, reports: [{ ...report, claims: 0, waitedMs: 0 }] };
  assert.equal(runnerLoad(stuck, 256, undefined).signals.latencyMs, 7000);
  const idle: Gathered = { ...stuck, backlog: { ...backlog, byPriority: [], unclaimed: 0, unclaimedMs: 0 } };
  assert.equal(runnerLoad(idle, 256, undefined).signals.latencyMs, 0);
});

test("orchestrators: what they are late with and the mean of what they report, or what the cluster says", () => {
  const own = orchestratorLoad(gathered, undefined);
  assert.deepEqual(own.signals, { queue: 6, latencyMs: 2500, connections: 8, cpuPercent: 40, memoryPercent: 40 });
  const seen = orchestratorLoad(gathered, { cpuPercent: 75, memoryPercent: 50 });
  assert.deepEqual([seen.signals.cpuPercent, seen.signals.memoryPercent], [75, 50]);
});

test("what could not be gathered is left out and expected all the same", () => {
  const nothing: Gathered = { backlog: undefined, reports: undefined };
  for (const { signals, expected } of [runnerLoad(nothing, undefined, {}), orchestratorLoad(nothing, {})]) {
    assert.deepEqual(signals, {});
    assert.ok(expected.includes("queue") && expected.includes("cpuPercent"));
  }
  assert.equal(runnerLoad({ ...gathered, reports: [] }, 256, undefined).signals.errorPercent, undefined);
});

test("a process reports what happened since its report before", async () => {
  const metrics = createMetrics({});
  const measure = createProcessMeter(metrics);
  const wait = metrics.histogram("agentmesh_workflow_step_wait_seconds", "Dispatch to claim of a step");
  const duration = metrics.histogram("agentmesh_workflow_step_duration_seconds", "Claim to result of a step");
  const incidents = metrics.counter("agentmesh_workflow_incidents_total", "What did not go straight", ["kind"]);
  wait.observe(0.5);
  wait.observe(1.5);
  duration.observe(3);
  incidents.inc({ kind: "retried" });
  incidents.inc({ kind: "stale-result" });
  const { claims, waitedMs, results, failures, ...rest } = await measure();
  assert.deepEqual({ claims, waitedMs, results, failures }, { claims: 2, waitedMs: 2000, results: 1, failures: 1 });
  assert.ok(rest.cpuPercent >= 0 && rest.memoryPercent > 0 && rest.memoryPercent < 100 && rest.connections >= 0);
  wait.observe(0.25);
  const next = await measure();
  assert.deepEqual([next.claims, next.waitedMs, next.results, next.failures], [1, 250, 0, 0]);
});
