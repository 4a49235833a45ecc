// A process of its own: what stands behind the gateways. auth, compliance and agent-runner with the real contracts and the
// real checks at their doors, which answer at once; and an endpoint of chat completions that does, for the others.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { connectBus, publishSnapshots } from "@agentmesh/bus";
import { createTokenVerifier, loadWorkloadIdentity } from "@agentmesh/identity";
import { authContract } from "@agentmesh/proto/auth.contract";
import { complianceContract } from "@agentmesh/proto/compliance.contract";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import { type Contract, type Implementation, serve } from "@agentmesh/rpc";
import { createLogger, createMetrics } from "@agentmesh/telemetry";

const [, , natsUrl = "", trustFile = "", keyFiles = "{}", token = ""] = process.argv;
const log = createLogger({ service: "bench", environment: "bench", version: "0", level: "error" });
const bus = await connectBus({ url: natsUrl, service: "compliance", log, metrics: createMetrics({}) });
await publishSnapshots(bus, "resource_datapolicy", async () => []);
const keys = (await (await bus.snapshots()).get("jwks.current"))?.json<{ value: { keys: [] } }>().value;
const tokens = createTokenVerifier({ jwks: () => keys, audiences: ["mesh"] });

const text = "A call takes what is measured here, and this answer is as long as a short one is. ".repeat(4);
const usage = { modelCalls: 1, uncachedInputTokens: 20n, outputTokens: 80n, costNanoUsd: 1n };
const run = { id: "bench", agent: "desk", state: "STATE_SUCCEEDED", text, model: "bench/model", usage };

const ports = {
  auth: await start("auth", authContract, {
    exchangeToken: async () => ({ token, expiresAt: new Date(Date.now() + 240_000) }),
  }),
  compliance: await start("compliance", complianceContract, {
    appendAudit: async ({ entries }: { entries: unknown[] }) => ({ appended: entries.length }),
  }),
  "agent-runner": await start("agent-runner", runnerContract, { runAgent: async () => run }),
  upstream: await startUpstream(),
};
process.stdout.write(`${JSON.stringify(ports)}\n`);

async function start(service: string, contract: Contract, given: Implementation["handlers"]): Promise<number> {
  const methods = Object.fromEntries(Object.entries(contract.methods).filter(([name]) => name in given));
  const workload = await loadWorkloadIdentity(JSON.parse(keyFiles)[service], trustFile);
  const server = await serve({
    host: "127.0.0.1",
    port: 0,
    trust: { workload, tokens },
    log,
    metrics: createMetrics({}),
    implementations: [{ contract: { ...contract, methods }, handlers: given }],
  });
  return server.port;
}

async function startUpstream(): Promise<number> {
  const completion = JSON.stringify({
    id: "chatcmpl-bench",
    object: "chat.completion",
    created: 0,
    model: "bench",
    choices: [{ index: 0, message: { role: "assistant", content: text }, finish_reason: "stop", logprobs: null }],
    usage: { prompt_tokens: 20, completion_tokens: 80, total_tokens: 100 },
  });
  const server = createServer((request, response) => {
    request.resume().on("end", () => {
      response.setHeader("content-type", "application/json");
      response.end(completion);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}
