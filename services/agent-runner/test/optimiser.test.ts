import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { connectBus } from "@agentmesh/bus";
import { eventually } from "@agentmesh/harness";
import { type AuditEntry, AuditRecorded } from "@agentmesh/proto/compliance";
import { createLogger, createMetrics } from "@agentmesh/telemetry";
import { everything, startTestMesh, type TestMesh } from "./mesh.ts";

// What the optimiser does to an agent is seen in metrics and in the audit of its tenant, and is taken back.
let stack: AsyncDisposableStack;
let mesh: TestMesh;
const audited: AuditEntry[] = [];

before(async () => {
  stack = new AsyncDisposableStack();
  mesh = await startTestMesh(stack, {
    cache: false,
    runner: { optimiser: { everyMs: 100, bounds: { cpuShare: 1, agent: { memoryBytes: 500 } } } },
  });
  const url = mesh.environment.natsUrl;
  const log = createLogger({ service: "alerting", environment: "test", version: "0", level: "error" });
  const bus = stack.use(await connectBus({ url, service: "alerting", log, metrics: createMetrics({}) }));
  bus.nc.subscribe("evt.*.agent-runner.audit.recorded.>", {
    callback(_error, { data }) {
      const { entry } = AuditRecorded.decode(data);
      if (entry?.action.startsWith("optimiser.")) audited.push(entry);
    },
  });
  await bus.nc.flush();
});

after(() => stack.disposeAsync());

test("an agent above its bound gets fewer places, its tenant can read why, and it gets them back", async () => {
  const token = await mesh.callers.token({ permissions: everything });
  await mesh.runner.applyResource({ kind: "Agent", name: "big", spec: { instructions: "Summarise." } }, { token });
  await mesh.runner.runAgent({ agent: "big", text: "It was ordered in May. ".repeat(100) }, { token });
  await eventually(() => audited.length >= 3, { what: "one step down and two up", timeoutMs: 10_000 });
  const told = audited.map(({ tenant, action, resource, reason }) => `${tenant} ${action} ${resource} ${reason}`);
  assert.match(told[0] ?? "", /^acme optimiser.set-agent-concurrency Agent\/big to 50 %: its runs hold about 0 MB$/);
  assert.match(told[1] ?? "", /Agent\/big to 75 %: within its bounds for 3 windows$/);
  assert.match(told[2] ?? "", /Agent\/big to 100 %: within its bounds for 3 windows$/);
  const metrics = await (await fetch(`http://127.0.0.1:${mesh.running.adminPort}/metrics`)).text();
  assert.match(metrics, /agentmesh_optimiser_actions_total\{action="set-agent-concurrency"[^}]*\} 3/);
});
