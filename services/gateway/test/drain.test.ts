// A gateway that is told to go: nothing it has taken fails, and whoever can go on elsewhere is told to at once.
import assert from "node:assert/strict";
import { Agent, request } from "node:http";
import { after, before, test } from "node:test";
import { eventually } from "@agentmesh/harness";
import { orchestratorContract } from "@agentmesh/proto/orchestrator.contract";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import { createClient, openChannel } from "@agentmesh/rpc";
import OpenAI from "openai";
import { asAdmin, startEdge, type TestEdge } from "./edge.ts";
import { type GatewayProcess, startGatewayProcess } from "./gateway-process.ts";

let edge: TestEdge;
const { runAgent, streamAgent } = runnerContract.methods;
const { watchRun } = orchestratorContract.methods;
const json = asAdmin({ "content-type": "application/json" });
const run = { id: "019bfd9e-0000-7000-8000-000000000001", agent: "desk", state: "STATE_SUCCEEDED", text: "two parts" };

before(async () => {
  edge = await startEdge();
});
after(() => edge[Symbol.asyncDispose]());

function callsOf(path: string): number {
  return edge.fleet.calls.filter((call) => call.path === path).length;
}

test("what is under way at SIGTERM ends well, over every surface; a stream that resumes is told to go on elsewhere", async () => {
  await using gateway = await startGatewayProcess(edge);
  using channel = openChannel({ address: `127.0.0.1:${gateway.port}` });
  const gate = Promise.withResolvers<void>();
  edge.fleet.on(runAgent.path, async () => {
    await gate.promise;
    return run;
  });
  edge.fleet.on(streamAgent.path, async function* () {
    yield { runId: run.id, seq: 1, event: { $case: "started", value: { ...run, state: "STATE_RUNNING" } } };
    await gate.promise;
    yield { runId: run.id, seq: 2, event: { $case: "textDelta", value: run.text } };
    yield { runId: run.id, seq: 3, event: { $case: "ended", value: run } };
  } as never);
  edge.fleet.on(watchRun.path, async function* () {
    yield { runId: "w", seq: 1, type: "run.started" };
    await new Promise(() => undefined);
  } as never);
  const url = `http://127.0.0.1:${gateway.httpPort}`;
  const post = async (path: string, body: object, more = {}) => {
    const reply = await fetch(url + path, {
      method: "POST",
      headers: { ...json, ...more },
      body: JSON.stringify(body),
    });
    return { status: reply.status, connection: reply.headers.get("connection"), text: await reply.text() };
  };
  const runner = createClient(runnerContract, { address: channel });
  const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: "admin", maxRetries: 0 });
  const message = { messageId: "m", role: "ROLE_USER", parts: [{ text: "?" }] };
  const unary = post("/v1/agents/desk:run", { text: "?" });
  const tool = post("/mcp", {
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name: "agent_desk", arguments: { text: "?" } },
  });
  const task = post(
    "/a2a/desk",
    { jsonrpc: "2.0", id: 1, method: "SendMessage", params: { message } },
    { "a2a-version": "1.0" },
  );
  const grpc = runner.runAgent({ agent: "desk", text: "?" }, { token: "admin" });
  const grpcStream = Array.fromAsync(runner.streamAgent({ agent: "desk", text: "?" }, { token: "admin" }));
  const chat = openai.chat.completions
    .create({ model: "agent:desk", stream: true, messages: [{ role: "user", content: "?" }] })
    .then((stream) => Array.fromAsync(stream));
  const watched = fetch(`${url}/v1/runs/w:watch`, { headers: asAdmin() }).then((reply) => reply.text());
  await eventually(
    () => callsOf(runAgent.path) === 4 && callsOf(streamAgent.path) === 2 && callsOf(watchRun.path) === 1,
    {
      what: "all calls to have reached their owners",
    },
  );

  const exit = gateway.terminate();
  assert.match(await watched, /event: error\ndata: {"error":{"code":"UNAVAILABLE".*"reason":"DRAINING"/);
  assert.equal(await gateway.isReady(), false);
  // Nothing waits for anything more now, least of all for the end of the time that a drain may take.
  const openedAtMs = performance.now();
  gate.resolve();
  for (const reply of await Promise.all([unary, tool, task])) {
    assert.equal(reply.status, 200, reply.text);
    assert.match(reply.text, /two parts/);
    assert.equal(reply.connection, "close");
  }
  assert.equal((await grpc).text, run.text);
  assert.deepEqual(
    (await grpcStream).map(({ seq }) => seq),
    [1, 2, 3],
  );
  assert.equal((await chat).map(({ choices }) => choices[0]?.delta.content ?? "").join(""), run.text);
  assert.equal(await exit, 0);
  assert.ok(performance.now() - openedAtMs < 15_000);
});

/** One request on a kept connection. @returns its status; 0: there was nobody to connect to */
function ask(gateway: GatewayProcess, agent: Agent): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const options = { port: gateway.httpPort, host: "127.0.0.1", path: "/v1/auth/me", headers: asAdmin(), agent };
  request(options, (reply) => reply.resume().once("end", () => resolve(reply.statusCode ?? 0)))
    .once("error", (error) => ("code" in error && error.code === "ECONNREFUSED" ? resolve(0) : reject(error)))
    .end();
  return promise;
}

test("clients on kept connections and channels lose no request when one of two gateways goes", async () => {
  await using first = await startGatewayProcess(edge);
  await using second = await startGatewayProcess(edge);
  using channel = openChannel({ address: `127.0.0.1:${first.port},127.0.0.1:${second.port}` });
  const runner = createClient(runnerContract, { address: channel });
  edge.fleet.on(runAgent.path, async () => run);
  const statuses: number[] = [];
  let texts = 0;
  let isOver = false;
  async function overHttp(): Promise<void> {
    using agents = disposable(
      new Agent({ keepAlive: true, maxSockets: 1 }),
      new Agent({ keepAlive: true, maxSockets: 1 }),
    );
    let gateway = first;
    while (!isOver) {
      const status = await ask(gateway, gateway === first ? agents.first : agents.second);
      if (status === 0) gateway = second;
      else statuses.push(status);
    }
  }
  async function overGrpc(): Promise<void> {
    while (!isOver) {
      const { text } = await runner.runAgent({ agent: "desk", text: "?" }, { token: "admin" });
      if (text === run.text) texts += 1;
    }
  }
  const clients = [...Array.from({ length: 16 }, overHttp), ...Array.from({ length: 8 }, overGrpc)];
  const all = Promise.all(clients);
  await Promise.race([all, eventually(() => statuses.length > 100 && texts > 50, { what: "load" })]);
  const exit = await first.terminate();
  const [before, textsBefore] = [statuses.length, texts];
  await Promise.race([
    all,
    eventually(() => statuses.length > before + 100 && texts > textsBefore + 50, { what: "load elsewhere" }),
  ]);
  isOver = true;
  await all;
  assert.equal(exit, 0);
  assert.deepEqual([...new Set(statuses)], [200]);
});

function disposable(first: Agent, second: Agent) {
  return {
    first,
    second,
    [Symbol.dispose]() {
      first.destroy();
      second.destroy();
    },
  };
}
