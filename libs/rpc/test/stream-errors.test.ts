import assert from "node:assert/strict";
import { test } from "node:test";
import { AppError } from "@agentmesh/errors";
import { testCallers, testEnvironment } from "@agentmesh/harness";
import { createTokenVerifier, loadWorkloadIdentity } from "@agentmesh/identity";
import { orchestratorContract } from "@agentmesh/proto/orchestrator.contract";
import { createLogger, createMetrics } from "@agentmesh/telemetry";
import { implement, serve } from "../src/index.ts";

const { watchRun } = orchestratorContract.methods;
const contract = {
  ...orchestratorContract,
  methods: { watchRun: { ...watchRun, callers: ["*"], access: "PUBLIC" } },
} as const;

test("a stream that fails half way ends with its error, and not with the reader's deadline", async () => {
  await using environment = await testEnvironment("orchestrator", { postgres: false, redis: false });
  await using callers = await testCallers(environment);
  const workload = await loadWorkloadIdentity(environment.workloadKeyFile, environment.workloadTrustFile);
  await using server = await serve({
    host: "127.0.0.1",
    port: 0,
    trust: { workload, tokens: createTokenVerifier({ jwks: () => undefined, audiences: [] }) },
    log: createLogger({ service: "test", environment: "test", version: "0", level: "error" }),
    metrics: createMetrics({}),
    implementations: [implement(contract, { watchRun: failing })],
  });
  const client = await callers.client(contract, server.port);
  const frames = client.watchRun({ id: "x" })[Symbol.asyncIterator]();
  assert.equal((await frames.next()).value?.seq, 1);
  await assert.rejects(frames.next(), { code: "CONFLICT", reason: "HALF_WAY" });
});

async function* failing() {
  yield { seq: 1 };
  throw new AppError("CONFLICT", "half way", { reason: "HALF_WAY" });
}
