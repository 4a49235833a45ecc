// Callers whose permissions are limited to agents: whichever words a surface has, nothing leaves the edge for another one.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { orchestratorContract } from "@agentmesh/proto/orchestrator.contract";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import { startEdge, type TestEdge } from "./edge.ts";

let edge: TestEdge;
const { runAgent, streamAgent, getResource, listResources } = runnerContract.methods;
const headers = { authorization: "Bearer support", "a2a-version": "1.0", "content-type": "application/json" };

before(async () => {
  edge = await startEdge();
  edge.fleet.credentials.set("support", {
    permissions: [
      "agent:execute on agent/support-*",
      "agent:read on agent/support-*",
      "agent:execute on workflow/triage",
    ],
  });
  const names = ["support-mail", "finance"];
  edge.fleet.on(runAgent.path, async () => ({ id: "1", text: "done", state: "STATE_SUCCEEDED" }));
  edge.fleet.on(getResource.path, async () => ({ kind: "Agent", name: "finance", spec: {} }));
  edge.fleet.on(listResources.path, async () => ({
    resources: names.map((name) => ({ kind: "Agent", name, spec: {} })),
  }));
  edge.fleet.on(orchestratorContract.methods.listResources.path, async () => ({ resources: [] }));
});
after(() => edge[Symbol.asyncDispose]());

function post(path: string, body: object) {
  return edge.http(path, { method: "POST", headers, body: JSON.stringify(body) });
}

function rpc(method: string, params: object) {
  return { jsonrpc: "2.0", id: 1, method, params };
}

const message = { messageId: "m", role: "ROLE_USER", parts: [{ text: "hello" }] };

/** The same wish on every surface, for an agent. */
const surfaces: Record<string, (agent: string) => Promise<{ status: number; text: string }>> = {
  "HTTP/JSON": (agent) => post(`/v1/agents/${agent}:run`, { text: "hello" }),
  "HTTP/JSON, streamed": (agent) => post(`/v1/agents/${agent}:stream`, { text: "hello" }),
  "chat completions": (agent) =>
    post("/v1/chat/completions", { model: `agent:${agent}`, messages: [{ role: "user", content: "hello" }] }),
  responses: (agent) => post("/v1/responses", { model: `agent:${agent}`, input: "hello" }),
  MCP: (agent) => post("/mcp", rpc("tools/call", { name: `agent_${agent}`, arguments: { text: "hello" } })),
  A2A: (agent) => post(`/a2a/${agent}`, rpc("SendMessage", { message })),
};

for (const [name, ask] of Object.entries(surfaces)) {
  test(`${name}: an agent out of scope is refused at the edge, and one in scope is reached`, async () => {
    edge.fleet.calls.length = 0;
    const refused = await ask("finance");
    assert.match(refused.text, /OUT_OF_SCOPE|may agent:(execute|read) on agent\/support-\*/, refused.text);
    const reached = edge.fleet.calls.map(({ path }) => path);
    assert.deepEqual(
      reached.filter((path) => path === runAgent.path || path === streamAgent.path),
      [],
    );
    await ask("support-mail");
    assert.ok(
      edge.fleet.calls.some(({ path }) => path === runAgent.path || path === streamAgent.path),
      `${name} never reached the runner`,
    );
  });
}

test("gRPC: the same, and it is audited as a refusal of the stage that decides", async () => {
  edge.fleet.calls.length = 0;
  const bytes = (agent: string) => runAgent.request.encode(runAgent.request.fromPartial({ agent })).finish();
  await assert.rejects(edge.raw.unary(runAgent, bytes("finance"), { token: "support" }), { reason: "OUT_OF_SCOPE" });
  assert.equal(edge.exchanges.at(-1)?.failedAt, "authorise");
  assert.ok(edge.fleet.calls.every(({ path }) => path !== runAgent.path));
  await edge.raw.unary(runAgent, bytes("support-mail"), { token: "support" });
});

test("lists tell of what may be read, on every surface that lists", async () => {
  const models = await edge.http("/v1/models", { headers });
  const tools = await post("/mcp", rpc("tools/list", {}));
  const resources = await edge.http("/v1/resources?kind=Agent", { headers });
  for (const { text } of [models, tools, resources]) assert.doesNotMatch(text, /finance/);
  assert.match(models.text, /support-mail/);
  assert.match(tools.text, /support-mail/);
});
