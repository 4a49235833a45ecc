// The official A2A client against the edge, with the runner's contract behind it.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { SendMessageRequest } from "@a2a-js/sdk";
import { type Client, ClientFactory, DefaultAgentCardResolver, JsonRpcTransportFactory } from "@a2a-js/sdk/client";
import { GrpcTransportFactory } from "@a2a-js/sdk/client/grpc";
import { AppError } from "@agentmesh/errors";
import { eventually } from "@agentmesh/harness";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import { pipelineStages } from "../src/pipeline/pipeline.ts";
import { asAdmin, startEdge, type TestEdge } from "./edge.ts";

let edge: TestEdge;
let client: Client;
let base: string;
const { runAgent, streamAgent, getAgentRun, cancelAgentRun, getResource, listResources } = runnerContract.methods;

const run = {
  id: "r-1",
  agent: "desk",
  session: "s-1",
  state: "STATE_SUCCEEDED",
  text: "It was charged twice.",
  model: "embedded/lexical-1",
  startedAt: new Date("2026-11-20T10:00:00Z"),
};

before(async () => {
  edge = await startEdge();
  base = `http://127.0.0.1:${edge.gateway.httpPort}`;
  edge.fleet.on(getResource.path, async () => ({
    kind: "Agent",
    name: "desk",
    version: 3,
    spec: { description: "Answers tickets" },
  }));
  edge.fleet.on(listResources.path, async () => ({
    resources: [{ kind: "Agent", name: "desk", spec: { description: "Answers tickets" } }],
  }));
  client = await connect("admin", "/a2a/desk/.well-known/agent-card.json");
});
after(() => edge[Symbol.asyncDispose]());

function connect(token: string, path?: string): Promise<Client> {
  const fetchImpl: typeof fetch = (url, init) => {
    const headers = new Headers(init?.headers);
    headers.set("authorization", `Bearer ${token}`);
    return fetch(url, { ...init, headers });
  };
  return new ClientFactory({
    transports: [new JsonRpcTransportFactory({ fetchImpl })],
    cardResolver: new DefaultAgentCardResolver({ fetchImpl }),
  }).createFromUrl(base, path);
}

function say(text: string, more: object = {}): SendMessageRequest {
  return {
    tenant: "",
    metadata: undefined,
    configuration: undefined,
    message: {
      messageId: "m-1",
      contextId: "",
      taskId: "",
      role: 1,
      parts: [{ content: { $case: "text", value: text }, metadata: undefined, filename: "", mediaType: "" }],
      metadata: undefined,
      extensions: [],
      referenceTaskIds: [],
      ...more,
    },
  };
}

function lastRequest(path: string) {
  return edge.fleet.calls.findLast((call) => call.path === path)?.request as Record<string, unknown>;
}

test("anyone may read the mesh's card; its agents are told to who has signed in", async () => {
  const card = (await edge.http("/.well-known/agent-card.json")).body as Record<string, never>;
  assert.deepEqual(card.supportedInterfaces, [
    { url: `${base}/a2a`, protocolBinding: "JSONRPC", protocolVersion: "1.0" },
  ]);
  assert.ok(!JSON.stringify(card).includes("desk"));
  assert.equal((await edge.http("/a2a/desk/.well-known/agent-card.json")).status, 401);
  const extended = await (await connect("admin")).getAgentCard();
  assert.deepEqual(
    extended.skills.map(({ id, description }) => [id, description]),
    [["desk", "Answers tickets"]],
  );
});

test("cards name the addresses that are configured", async () => {
  const http = { port: 0, publicUrl: "https://mesh.example/", publicGrpcAddress: "mesh.example:443" };
  await using other = await edge.another({ http });
  const url = `http://127.0.0.1:${other.httpPort}/a2a/desk/.well-known/agent-card.json`;
  const card = JSON.parse(await (await fetch(url, { headers: asAdmin() })).text());
  assert.deepEqual(
    card.supportedInterfaces.map(({ url: at, tenant }: { url: string; tenant?: string }) => [at, tenant]),
    [
      ["https://mesh.example/a2a/desk", undefined],
      ["mesh.example:443", "desk"],
    ],
  );
  assert.equal(card.version, "3");
});

test("a message is a run in a context, through the same stages as any call", async () => {
  edge.fleet.on(runAgent.path, async () => run);
  edge.exchanges.length = 0;
  const task = await client.sendMessage(say("Was I charged twice? 4111 1111 1111 1111", { contextId: "s-1" }));
  assert.ok("status" in task);
  assert.deepEqual([task.id, task.contextId, task.status?.state], ["r-1", "s-1", 3]);
  assert.equal(task.artifacts[0]?.parts[0]?.content?.value, run.text);
  const asked = lastRequest(runAgent.path);
  assert.deepEqual([asked.agent, asked.session, asked.sessionIfKept], ["desk", "s-1", true]);
  assert.match(JSON.stringify(asked.parts), /\[card \*{4}1111\]/, "inspected");
  assert.deepEqual(
    edge.exchanges[0]?.passed,
    pipelineStages.map(([name]) => name),
  );
});

test("a stream tells the task, its answer in pieces, and its end", async () => {
  edge.fleet.on(streamAgent.path, async function* () {
    yield { runId: "r-1", seq: 1, event: { $case: "started", value: { ...run, state: "STATE_RUNNING" } } };
    for (const [index, value] of ["It was ", "charged ", "twice."].entries()) {
      yield { runId: "r-1", seq: index + 2, event: { $case: "textDelta", value } };
    }
    yield { runId: "r-1", seq: 5, event: { $case: "ended", value: run } };
  } as never);
  const updates = await Array.fromAsync(client.sendMessageStream(say("Was I charged twice?")));
  const kinds = updates.map(({ payload }) => payload?.$case);
  assert.deepEqual([kinds[0], kinds.at(-2), kinds.at(-1)], ["task", "artifactUpdate", "statusUpdate"]);
  const pieces = updates.flatMap(({ payload }) =>
    payload?.$case === "artifactUpdate" && !payload.value.lastChunk ? [payload.value] : [],
  );
  assert.equal(pieces.map(({ artifact }) => artifact?.parts[0]?.content?.value).join(""), run.text);
  assert.equal(pieces[0]?.append, false);
  const last = updates.at(-1)?.payload;
  assert.equal(last?.$case === "statusUpdate" && last.value.status?.state, 3);
});

test("tasks are read and cancelled; what is not there has A2A's code", async () => {
  edge.fleet.on(getAgentRun.path, async () => ({ ...run, state: "STATE_RUNNING" }));
  assert.equal((await client.getTask({ tenant: "", id: "r-1" })).status?.state, 2);
  edge.fleet.on(cancelAgentRun.path, async () => ({ run: { ...run, state: "STATE_CANCELLED" } }));
  const cancelled = await client.cancelTask({ tenant: "", id: "r-1", metadata: undefined });
  assert.equal(cancelled.status?.state, 5);
  edge.fleet.on(getAgentRun.path, async () => {
    throw new AppError("NOT_FOUND", "there is no run r-9", { reason: "RUN_NOT_FOUND" });
  });
  await assert.rejects(client.getTask({ tenant: "", id: "r-9" }), /r-9/);
});

test("a reader who leaves a stream does not end the task, which can be subscribed to", async () => {
  let left = false;
  edge.fleet.on(streamAgent.path, async function* (_request: never, call: { signal: AbortSignal }) {
    yield { runId: "r-1", seq: 1, event: { $case: "started", value: run } };
    await new Promise((resolve) => call.signal.addEventListener("abort", resolve));
    left = true;
  } as never);
  for await (const _ of client.sendMessageStream(say("?"))) break;
  await eventually(() => left, { what: "the call to end" });
  assert.equal(lastRequest(streamAgent.path).cancelOnDisconnect, false);
});

test("the wire is held to: who asks, versions, endpoints, parts", async () => {
  const rpc = async (path: string, body: object, more: Record<string, string> = {}) => {
    const headers = asAdmin({ "content-type": "application/json", "a2a-version": "1.0", ...more });
    const { body: reply } = await edge.http(path, {
      method: "POST",
      headers,
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, ...body }),
    });
    return (reply as { error?: { code: number } }).error?.code;
  };
  const send = (parts: object[]) => ({
    method: "SendMessage",
    params: { message: { messageId: "m", role: "ROLE_USER", parts } },
  });
  assert.equal(await rpc("/a2a/desk", send([{ text: "?" }]), { "a2a-version": "0.3" }), -32_009);
  assert.equal(await rpc("/a2a", send([{ text: "?" }])), -32_004);
  assert.equal(await rpc("/a2a/desk", send([{ raw: "AAEC", mediaType: "application/zip" }])), -32_005);
  assert.equal(await rpc("/a2a/desk", send([])), -32_602);
  assert.equal(await rpc("/a2a/desk", { method: "CreateTaskPushNotificationConfig" }), -32_003);
  assert.equal(await rpc("/a2a/desk", { method: "message/send" }), -32_601);
  assert.equal((await edge.http("/a2a/desk", { method: "GET", headers: asAdmin() })).status, 405);
  const unknown = await edge.http("/a2a/desk", {
    method: "POST",
    headers: { "content-type": "application/json", "a2a-version": "1.0" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, ...send([{ text: "?" }]) }),
  });
  assert.equal(unknown.status, 401);
});

test("over gRPC it is the same: the agent is the interface's tenant", async () => {
  edge.fleet.on(runAgent.path, async () => run);
  const grpc = await new ClientFactory({ transports: [new GrpcTransportFactory()] }).createFromAgentCard({
    ...(await client.getAgentCard()),
    supportedInterfaces: [
      { url: `127.0.0.1:${edge.gateway.port}`, protocolBinding: "GRPC", protocolVersion: "1.0", tenant: "desk" },
    ],
  });
  const signedIn = { serviceParameters: { authorization: "Bearer admin" } };
  edge.exchanges.length = 0;
  const task = await grpc.sendMessage({ ...say("Was I charged twice?"), tenant: "desk" }, signedIn);
  assert.ok("status" in task);
  assert.deepEqual([task.id, task.status?.state, lastRequest(runAgent.path).agent], ["r-1", 3, "desk"]);
  assert.equal(task.artifacts[0]?.parts[0]?.content?.value, run.text);
  assert.deepEqual([edge.exchanges[0]?.surface, edge.exchanges[0]?.passed.length], ["grpc", pipelineStages.length]);
  edge.fleet.on(streamAgent.path, async function* () {
    yield { runId: "r-1", seq: 1, event: { $case: "started", value: { ...run, state: "STATE_RUNNING" } } };
    yield { runId: "r-1", seq: 2, event: { $case: "ended", value: run } };
  } as never);
  const updates = await Array.fromAsync(grpc.sendMessageStream({ ...say("?"), tenant: "desk" }, signedIn));
  assert.deepEqual(
    updates.map(({ payload }) => payload?.$case),
    ["task", "artifactUpdate", "statusUpdate"],
  );
  await assert.rejects(grpc.sendMessage({ ...say("?"), tenant: "desk" }), /credential/);
});

test("the compiled protocol is the one that is written down", () => {
  const folder = fileURLToPath(new URL("../src/a2a", import.meta.url));
  const built = execFileSync("buf", ["build", folder, "--as-file-descriptor-set", "--exclude-source-info", "-o", "-"]);
  assert.deepEqual(built, readFileSync(`${folder}/a2a.binpb`));
});
