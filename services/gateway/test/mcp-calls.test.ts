// Progress and cancellation by the official MCP client, whose requests may each come to another replica.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "@agentmesh/harness";
import { orchestratorContract } from "@agentmesh/proto/orchestrator.contract";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import type { Call } from "@agentmesh/rpc";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Progress } from "@modelcontextprotocol/sdk/types.js";
import { pipelineStages } from "../src/pipeline/pipeline.ts";
import type { RunningGateway } from "../src/service.ts";
import { asAdmin, startEdge, type TestEdge } from "./edge.ts";

let edge: TestEdge;
let other: RunningGateway;
const { runAgent, streamAgent } = runnerContract.methods;
const { startWorkflow, watchRun, cancelRun, getRun } = orchestratorContract.methods;
const run = {
  id: "r-1",
  agent: "desk",
  state: "STATE_SUCCEEDED",
  text: "done, 4111 1111 1111 1111",
  output: { score: 1 },
};

before(async () => {
  edge = await startEdge();
  other = await edge.another();
});
after(async () => {
  await other[Symbol.asyncDispose]();
  await edge[Symbol.asyncDispose]();
});

/** @param cancelAt where its notifications that a call is cancelled go */
async function connect(token: string, cancelAt: Pick<RunningGateway, "httpPort"> = edge.gateway): Promise<Client> {
  const client = new Client({ name: "test", version: "1" });
  const transport = new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${edge.gateway.httpPort}/mcp`), {
    requestInit: { headers: { authorization: `Bearer ${token}` } },
    fetch(url, init) {
      const to = new URL(url);
      if (String(init?.body).includes("notifications/cancelled")) to.port = String(cancelAt.httpPort);
      return fetch(to, init);
    },
  });
  await client.connect(transport as never);
  return client;
}

function callsOf(path: string) {
  return edge.fleet.calls.filter((call) => call.path === path);
}

/** An agent that answers when its caller has left. @returns whether it has */
function hang(): { isStopped: boolean } {
  const seen = { isStopped: false };
  edge.fleet.on(runAgent.path, async (_: never, call: Call) => {
    await new Promise((resolve) => call.signal.addEventListener("abort", resolve, { once: true }));
    seen.isStopped = true;
    return run;
  });
  return seen;
}

const call = { name: "agent_desk", arguments: { text: "?" } };

test("who asks for it is told how far a run is, and gets its answer, inspected, at the end", async () => {
  edge.fleet.on(streamAgent.path, async function* () {
    yield { runId: "r-1", seq: 1, event: { $case: "started", value: { ...run, state: "STATE_RUNNING" } } };
    yield { runId: "r-1", seq: 2, event: { $case: "toolStarted", value: { id: "t", tool: "search" } } };
    yield { runId: "r-1", seq: 3, event: { $case: "toolEnded", value: { id: "t", tool: "search" } } };
    yield { runId: "r-1", seq: 4, event: { $case: "textDelta", value: run.text } };
    yield { runId: "r-1", seq: 5, event: { $case: "ended", value: run } };
  } as never);
  const client = await connect("admin");
  const told: Progress[] = [];
  edge.exchanges.length = 0;
  const answer = await client.callTool(call, undefined, { onprogress: (progress) => told.push(progress) });
  assert.deepEqual(answer.structuredContent, { score: 1 });
  assert.ok(!JSON.stringify(answer).includes("4111 1111"));
  assert.deepEqual(told.map(({ message }) => message).slice(0, 3), [
    "the run has begun",
    "search is called",
    "search has answered",
  ]);
  assert.deepEqual(
    told.map(({ progress }) => progress),
    told.map((_, at) => at + 1),
  );
  assert.ok(!JSON.stringify(told).includes("done"), "progress says that there is text and not which");
  assert.deepEqual(
    edge.exchanges.map(({ passed }) => passed),
    [pipelineStages.map(([name]) => name)],
  );
  await client.close();
});

test("who asks for it is told how far a workflow is", async () => {
  edge.fleet.on(startWorkflow.path, async () => ({ id: "w-1", state: "RUN_STATE_RUNNING" }));
  edge.fleet.on(watchRun.path, async function* () {
    yield { runId: "w-1", seq: 1, type: "run.started" };
    yield { runId: "w-1", seq: 2, type: "step.succeeded", node: "classify" };
    yield { runId: "w-1", seq: 3, type: "run.succeeded" };
  } as never);
  edge.fleet.on(getRun.path, async () => ({ id: "w-1", state: "RUN_STATE_SUCCEEDED", output: { team: "billing" } }));
  const client = await connect("admin");
  const told: (string | undefined)[] = [];
  const onprogress = ({ message }: Progress) => void told.push(message);
  const answer = await client.callTool({ name: "workflow_triage", arguments: {} }, undefined, { onprogress });
  assert.deepEqual(answer.structuredContent, { team: "billing" });
  assert.deepEqual(told, ["run.started", "step.succeeded: classify", "run.succeeded"]);
  await client.close();
});

test("a failure after progress was told is the answer of that call", async () => {
  edge.fleet.on(streamAgent.path, async function* () {
    yield { runId: "r-1", seq: 1, event: { $case: "started", value: run } };
  } as never);
  const client = await connect("admin");
  await assert.rejects(client.callTool(call, undefined, { onprogress: () => undefined }), /STREAM_ENDED|ended before/);
  await client.close();
});

for (const [where, gateway] of [
  ["the same replica", () => edge.gateway],
  ["another replica", () => other],
] as const) {
  test(`a call that is cancelled at ${where} stops its run`, async () => {
    const seen = hang();
    const client = await connect("admin", gateway());
    const gone = new AbortController();
    const before = callsOf(runAgent.path).length;
    const answer = client.callTool(call, undefined, { signal: gone.signal });
    await eventually(() => callsOf(runAgent.path).length > before, { what: "the run to begin" });
    gone.abort("enough");
    await assert.rejects(answer, /enough/);
    await eventually(() => seen.isStopped, { what: "the run to be stopped" });
    await client.close();
  });
}

test("a workflow whose call is cancelled is cancelled", async () => {
  edge.fleet.on(startWorkflow.path, async () => ({ id: "w-2", state: "RUN_STATE_RUNNING" }));
  edge.fleet.on(watchRun.path, async function* (_: never, { signal }: Call) {
    yield { runId: "w-2", seq: 1, type: "run.started" };
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  } as never);
  const client = await connect("admin", other);
  const gone = new AbortController();
  const before = callsOf(watchRun.path).length;
  const answer = client.callTool({ name: "workflow_triage", arguments: {} }, undefined, { signal: gone.signal });
  await eventually(() => callsOf(watchRun.path).length > before, { what: "the run to be watched" });
  gone.abort("enough");
  await assert.rejects(answer, /enough/);
  const cancelled = await eventually(() => callsOf(cancelRun.path).at(-1)?.request, {
    what: "the run to be cancelled",
  });
  assert.equal(Reflect.get(Object(cancelled), "id"), "w-2");
  await client.close();
});

test("nobody cancels another's call: not a stranger, not another subject, not without the session", async () => {
  const seen = hang();
  edge.fleet.credentials.set("else", { permissions: ["agent:execute"], subject: "user:else" });
  edge.fleet.credentials.set("there", { permissions: ["agent:execute"], tenant: "other" });
  const post = (headers: Record<string, string>, body: object) =>
    edge.http("/mcp", {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify({ jsonrpc: "2.0", ...body }),
    });
  const before = callsOf(runAgent.path).length;
  const session = { "mcp-session-id": "s-1" };
  const answer = post(asAdmin(session), { id: 7, method: "tools/call", params: call });
  await eventually(() => callsOf(runAgent.path).length > before, { what: "the run to begin" });
  const cancel = { method: "notifications/cancelled", params: { requestId: 7 } };
  assert.equal((await post({ authorization: "Bearer nobody", ...session }, cancel)).status, 401);
  for (const headers of [
    { authorization: "Bearer else", ...session },
    { authorization: "Bearer there", ...session },
    asAdmin(),
    asAdmin({ "mcp-session-id": "s-2" }),
    asAdmin({ "mcp-session-id": "" }),
  ]) {
    assert.equal((await post(headers, cancel)).status, 202);
  }
  for (const requestId of ["7", 8, null, {}]) {
    assert.equal((await post(asAdmin(session), { ...cancel, params: { requestId } })).status, 202);
  }
  assert.equal(seen.isStopped, false);
  assert.equal((await post(asAdmin(session), cancel)).status, 202);
  assert.equal((await answer).status, 202);
  await eventually(() => seen.isStopped, { what: "its own cancellation to stop it" });
});
