import assert from "node:assert/strict";
import { test } from "node:test";
import { createLogger, createMetrics } from "@agentmesh/telemetry";
import { runnerMetrics } from "../metrics.ts";
import { startOptimiser } from "./start-optimiser.ts";

const log = createLogger({ service: "test", environment: "test", version: "0", level: "error" });

test("it listens to model calls, does what a window asks for, and takes it back", async () => {
  const metrics = createMetrics({});
  const done: unknown[] = [];
  const usage = { memoryShare: 0.9, cpuShare: 0.95, elapsedMs: 60_000, cpuMs: 57_000 };
  await using optimiser = startOptimiser({
    measured: runnerMetrics(metrics),
    log,
    trimCaches: () => done.push("trimmed"),
    setConcurrency: (share) => done.push(share),
    setAgentConcurrency: (agent, share) => done.push(`${agent} ${share}`),
    readUsage: () => ({ ...usage }),
  });
  for (let n = 0; n < 6; n++) optimiser.measured.calledModel("p/slow", "ok", 20_000);
  for (let n = 0; n < 6; n++) optimiser.measured.calledModel("p/fine", "ok", 100);
  assert.deepEqual(
    optimiser.tick().map(({ kind }) => kind),
    ["trim-caches", "set-concurrency", "reserve-model"],
  );
  assert.deepEqual(done, ["trimmed", 0.75]);
  assert.match(optimiser.reservationOf("p/slow", "acme/a") ?? "", /above 15000 ms/);
  assert.equal(optimiser.reservationOf("p/fine", "acme/a"), undefined);
  Object.assign(usage, { memoryShare: 0.2, cpuShare: 0.1 });
  for (let n = 0; n < 12; n++) optimiser.tick();
  assert.equal(optimiser.reservationOf("p/slow", "acme/a"), undefined);
  assert.deepEqual(done.slice(2), [0.94, 1]);
  const text = await metrics.render();
  assert.match(text, /agentmesh_optimiser_actions_total\{action="reserve-model"\} 1/);
  assert.match(text, /agentmesh_model_call_duration_seconds_count\{model="p\/slow",outcome="ok"\} 6/);
});

test("what the process uses is read as shares", async () => {
  await using optimiser = startOptimiser({
    measured: runnerMetrics(createMetrics({})),
    log,
    trimCaches: assert.fail,
    setConcurrency: () => undefined,
    setAgentConcurrency: assert.fail,
  });
  assert.deepEqual(
    optimiser.tick().filter(({ kind }) => kind !== "set-concurrency"),
    [],
  );
});
