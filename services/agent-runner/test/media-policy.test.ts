import assert from "node:assert/strict";
import { test } from "node:test";
import { connectBus, publishSnapshots } from "@agentmesh/bus";
import { eventually } from "@agentmesh/harness";
import { AgentRun_State } from "@agentmesh/proto/runner";
import { createLogger, createMetrics } from "@agentmesh/telemetry";
import { everything, startTestMesh } from "./mesh.ts";
import { completes, startUpstream } from "./scripted-upstream.ts";

test("under a policy that blocks, a picture reaches no model; other tenants' pictures do", async () => {
  await using stack = new AsyncDisposableStack();
  const upstream = stack.use(await startUpstream());
  const providers = { openai: { apiKey: "sk-test", baseUrl: `${upstream.origin}/v1` } };
  const mesh = await startTestMesh(stack, {
    cache: false,
    runner: { health: { everyMs: 600_000 }, models: { providers } },
  });
  const log = createLogger({ service: "test", environment: "test", version: "0", level: "error" });
  const { natsUrl } = mesh.environment;
  const bus = stack.use(await connectBus({ url: natsUrl, service: "compliance", log, metrics: createMetrics({}) }));
  const spec = { rules: [{ kind: "card", action: "block" }] };
  const value = { tenant: "acme", name: "strict", version: 1, labels: {}, spec };
  stack.use(
    await publishSnapshots(bus, "resource_datapolicy", async () => [{ key: "acme.strict", version: 1, value }]),
  );
  upstream.play(completes("a cat"));
  const image = {
    part: { $case: "image" as const, value: { mimeType: "image/png", data: Buffer.from("png"), url: "" } },
  };
  const look = async (tenant: string) => {
    const token = await mesh.callers.token({ permissions: everything, tenant });
    const agent = { model: "openai/gpt-4.1", instructions: "look" };
    await mesh.runner.applyResource({ kind: "Agent", name: "looker", spec: agent }, { token });
    return mesh.runner.runAgent({ agent: "looker", text: "what is this?", parts: [image] }, { token });
  };
  const refusal = await eventually(
    () =>
      look("acme").then(
        () => undefined,
        (error) => error,
      ),
    { what: "the policy" },
  );
  assert.deepEqual([refusal.code, refusal.reason], ["FAILED_PRECONDITION", "BLOCKED_INPUT"], refusal.message);
  const asked = upstream.asked.length;
  await assert.rejects(look("acme"), { reason: "BLOCKED_INPUT", message: /cannot be inspected.*card/ });
  assert.equal(upstream.asked.length, asked);
  const other = await look("globex");
  assert.deepEqual([other.state, other.text], [AgentRun_State.SUCCEEDED, "a cat"], other.failure?.message);
});
