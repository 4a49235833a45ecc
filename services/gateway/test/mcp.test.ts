// The official MCP client against the edge, with the contracts of runner and orchestrator behind it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AppError } from "@agentmesh/errors";
import { authContract } from "@agentmesh/proto/auth.contract";
import { orchestratorContract } from "@agentmesh/proto/orchestrator.contract";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { pipelineStages } from "../src/pipeline/pipeline.ts";
import { asAdmin, startEdge, type TestEdge } from "./edge.ts";

let edge: TestEdge;
let client: Client;
const { runAgent, listResources: listAgents } = runnerContract.methods;
const { startWorkflow, watchRun, getRun, listResources: listWorkflows } = orchestratorContract.methods;
const stages = pipelineStages.map(([name]) => name);

before(async () => {
  edge = await startEdge();
  edge.fleet.on(listAgents.path, async () => ({
    resources: [
      {
        kind: "Agent",
        name: "desk",
        spec: {
          description: "Answers tickets",
          output: { type: "object", properties: { score: { type: "number" } }, required: ["score"] },
        },
      },
      { kind: "Agent", name: "forgetful", spec: { memory: { session: false } } },
    ],
  }));
  const input = { type: "object", properties: { ticket: { type: "string" } }, required: ["ticket"] };
  edge.fleet.on(listWorkflows.path, async () => ({
    resources: [{ kind: "Workflow", name: "triage", spec: { description: "Sorts a ticket", input } }],
  }));
  client = await connect("admin");
});
after(async () => {
  await client.close();
  await edge[Symbol.asyncDispose]();
});

async function connect(token: string): Promise<Client> {
  const made = new Client({ name: "test", version: "1" });
  const url = new URL(`http://127.0.0.1:${edge.gateway.httpPort}/mcp`);
  await made.connect(
    new StreamableHTTPClientTransport(url, { requestInit: { headers: { authorization: `Bearer ${token}` } } }) as never,
  );
  return made;
}

test("agents and workflows are tools with their schemas, each list through the pipeline", async () => {
  assert.deepEqual(client.getServerVersion()?.name, "agentmesh");
  edge.exchanges.length = 0;
  const { tools } = await client.listTools();
  assert.deepEqual(
    tools.map(({ name, description }) => [name, description]),
    [
      ["agent_desk", "Answers tickets"],
      ["agent_forgetful", "Ask the agent forgetful"],
      ["workflow_triage", "Sorts a ticket"],
      ["mesh_get_run", "How far a workflow's run is, and its output when it has ended"],
    ],
  );
  assert.deepEqual(Object.keys(tools[0]?.inputSchema.properties ?? {}), ["text", "session"]);
  assert.deepEqual(Object.keys(tools[1]?.inputSchema.properties ?? {}), ["text"]);
  assert.deepEqual(tools[0]?.outputSchema?.required, ["score"]);
  assert.deepEqual(tools[2]?.inputSchema.required, ["ticket"]);
  assert.deepEqual(
    edge.exchanges.map(({ passed }) => passed),
    [stages, stages],
  );
});

test("a tool is a run of its agent: text, structured output, audited like any call", async () => {
  edge.fleet.on(runAgent.path, async () => ({
    id: "r-1",
    state: "STATE_SUCCEEDED",
    text: '{"score":1} 4111 1111 1111 1111',
    output: { score: 1 },
  }));
  edge.exchanges.length = 0;
  edge.fleet.audited.length = 0;
  const answer = await client.callTool({ name: "agent_desk", arguments: { text: "My card is 4111 1111 1111 1111" } });
  assert.deepEqual(answer.structuredContent, { score: 1 });
  assert.ok(!JSON.stringify(answer).includes("4111 1111"), "inspected on its way out");
  const asked = edge.fleet.calls.findLast(({ path }) => path === runAgent.path)?.request as { text: string };
  assert.equal(asked.text, "My card is [card ****1111]", "and on its way in");
  assert.deepEqual(edge.exchanges[0]?.passed, stages);
  assert.ok(edge.fleet.audited.some(({ action, outcome }) => action === runAgent.path && outcome === "succeeded"));
});

test("what fails is told to the model that can mend it; what is not there is an error", async () => {
  edge.fleet.on(runAgent.path, async () => ({
    id: "r-1",
    state: "STATE_FAILED",
    failure: { code: "INVALID_OUTPUT", message: "no valid output" },
  }));
  const failed = await client.callTool({ name: "agent_forgetful", arguments: { text: "?" } });
  assert.deepEqual(
    [failed.isError, failed.content],
    [true, [{ type: "text", text: "INVALID_OUTPUT: no valid output" }]],
  );
  const wrong = await client.callTool({ name: "agent_forgetful", arguments: { question: "?" } });
  assert.equal(wrong.isError, true);
  edge.fleet.on(runAgent.path, async () => {
    throw new AppError("NOT_FOUND", "there is no agent x", { reason: "AGENT_NOT_FOUND" });
  });
  await assert.rejects(client.callTool({ name: "agent_x", arguments: { text: "?" } }), { code: -32_602 });
  await assert.rejects(client.callTool({ name: "nothing", arguments: {} }), { code: -32_602 });
});

test("a workflow's tool waits for the end of its run, and its run can be asked for", async () => {
  let state = "RUN_STATE_RUNNING";
  edge.fleet.on(startWorkflow.path, async () => ({ id: "w-1", state }));
  edge.fleet.on(watchRun.path, async function* () {
    yield { runId: "w-1", seq: 1, type: "run.started" };
    state = "RUN_STATE_SUCCEEDED";
    yield { runId: "w-1", seq: 2, type: "run.succeeded" };
    await new Promise(() => undefined);
  } as never);
  edge.fleet.on(getRun.path, async () => ({ id: "w-1", state, output: { team: "billing" } }));
  const answer = await client.callTool({ name: "workflow_triage", arguments: { ticket: "T1" } });
  assert.deepEqual(answer.structuredContent, { team: "billing" });
  const asked = edge.fleet.calls.findLast(({ path }) => path === startWorkflow.path)?.request as { input: object };
  assert.deepEqual(asked.input, { ticket: "T1" });
  state = "RUN_STATE_RUNNING";
  const still = await client.callTool({ name: "mesh_get_run", arguments: { run_id: "w-1" } });
  assert.match(JSON.stringify(still.content), /w-1 goes on/);
});

test("nobody unknown gets in, and a caller without the right runs nothing", async () => {
  await assert.rejects(connect("nobody"), { code: 401 });
  edge.fleet.credentials.set("reader", { permissions: ["agent:read"], subject: "user:reader" });
  const reader = await connect("reader");
  const calls = edge.fleet.calls.length;
  const denied = await reader.callTool({ name: "agent_desk", arguments: { text: "?" } });
  assert.equal(denied.isError, true);
  assert.equal(
    edge.fleet.calls.slice(calls).some(({ path }) => path === runAgent.path),
    false,
  );
  await reader.close();
  assert.ok(edge.fleet.calls.some(({ path }) => path === authContract.methods.whoAmI.path));
});

test("the wire is held to: verbs, versions, bodies", async () => {
  const post = (body: unknown, more: Record<string, string> = {}) =>
    edge.http("/mcp", {
      method: "POST",
      headers: asAdmin({ "content-type": "application/json", ...more }),
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
  const ping = { jsonrpc: "2.0", id: 1, method: "ping" };
  assert.deepEqual((await post(ping)).body, { jsonrpc: "2.0", id: 1, result: {} });
  assert.equal((await post({ jsonrpc: "2.0", method: "notifications/initialized" })).status, 202);
  assert.equal((await post(ping, { "mcp-protocol-version": "1999-01-01" })).status, 400);
  assert.equal((await post([ping])).status, 400);
  assert.equal((await post("{")).status, 400);
  for (const method of ["GET", "DELETE"]) {
    assert.equal((await edge.http("/mcp", { method, headers: asAdmin() })).status, 405);
  }
  const unknown = (await post({ jsonrpc: "2.0", id: 2, method: "resources/list" })).body as { error: { code: number } };
  assert.equal(unknown.error.code, -32_601);
});
