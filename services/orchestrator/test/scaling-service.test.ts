import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually, testEnvironment } from "@agentmesh/harness";
import { configSchema } from "../src/config.ts";
import { startOrchestrator } from "../src/service.ts";

test("a started orchestrator decides, and says so among its metrics", async () => {
  await using env = await testEnvironment("orchestrator", { redis: false });
  const config = configSchema.parse({
    listen: { host: "127.0.0.1", grpcPort: 0, adminPort: 0 },
    nats: { url: env.natsUrl },
    workload: { keyFile: env.workloadKeyFile, trustFile: env.workloadTrustFile },
    log: { level: "error" },
    tracing: {},
    postgres: { url: env.postgresUrl },
    scaling: { everyMs: 50 },
  });
  await using running = await startOrchestrator(config);
  const text = await eventually(
    async () => {
      const answer = await fetch(`http://127.0.0.1:${running.adminPort}/metrics`);
      const metrics = await answer.text();
      return metrics.includes("agentmesh_scaling_desired_replicas{") && metrics;
    },
    { what: "a decision" },
  );
  assert.match(text, /agentmesh_scaling_desired_replicas\{[^}]*deployment="orchestrator"[^}]*\} 2\n/);
  assert.match(text, /agentmesh_scaling_current_replicas\{[^}]*deployment="orchestrator"[^}]*\} 1\n/);
});
