import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { eventually, freePort, type TestEnvironment, testEnvironment } from "@agentmesh/harness";
import { costContract } from "@agentmesh/proto/cost.contract";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import { createClient, openChannel } from "@agentmesh/rpc";
import type { RunningGateway } from "../src/service.ts";
import { asAdmin, startEdge, type TestEdge } from "./edge.ts";

// Two gateways, each in front of another replica of the real agent-runner, on one database; a model that speaks in
// pieces when it is told to.
let stack: AsyncDisposableStack;
let edge: TestEdge;
let gateways: readonly [RunningGateway, RunningGateway];
let model: Awaited<ReturnType<typeof startModel>>;

before(async () => {
  stack = new AsyncDisposableStack();
  edge = stack.use(await startEdge());
  model = await startModel();
  const held = async (request: { maxOutputTokens: bigint }) => ({ maxOutputTokens: request.maxOutputTokens });
  edge.fleet.on(costContract.methods.hold.path, held);
  const database = stack.use(await testEnvironment("agent-runner", { nats: false, redis: false }));
  const [first, second] = await Promise.all([startRunner(database), startRunner(database)]);
  const inFrontOf = (runner: string) => edge.another({ peers: { ...edge.fleet.peers, "agent-runner": runner } });
  gateways = [stack.use(await inFrontOf(first)), stack.use(await inFrontOf(second))];
  const channel = stack.use(openChannel({ address: `127.0.0.1:${gateways[0].port}` }));
  const runner = createClient(runnerContract, { address: channel });
  const spec = { model: "openai/gpt-4.1-mini", instructions: "talk", cache: { mode: "off" }, limits: { retries: 0 } };
  const apply = () => runner.applyResource({ kind: "Agent", name: "talker", spec }, { token: "admin" });
  await eventually(apply, { what: "the agent to be applied", timeoutMs: 20_000 });
});
after(() => stack.disposeAsync());

/** @returns its address */
async function startRunner(database: TestEnvironment): Promise<string> {
  const [grpc, admin] = [await freePort(), await freePort()];
  const { environment, fleet } = edge;
  const child = spawn(process.execPath, [fileURLToPath(new URL("../../agent-runner/src/main.ts", import.meta.url))], {
    stdio: ["ignore", "ignore", "inherit"],
    env: {
      AGENTMESH_ENVIRONMENT: "test",
      LISTEN_HOST: "127.0.0.1",
      GRPC_PORT: String(grpc),
      ADMIN_PORT: String(admin),
      LOG_LEVEL: "error",
      NATS_URL: environment.natsUrl,
      POSTGRES_URL: database.postgresUrl,
      WORKLOAD_KEY_FILE: environment.keyFileOf("agent-runner"),
      WORKLOAD_TRUST_FILE: environment.workloadTrustFile,
      AUTH_ADDRESS: fleet.peers.auth,
      CACHE_ADDRESS: fleet.peers.cache,
      COST_ADDRESS: fleet.peers.cost,
      ORCHESTRATOR_ADDRESS: fleet.peers.orchestrator,
      OPENAI_API_KEY: "sk-test",
      OPENAI_BASE_URL: `${model.origin}/v1`,
    },
  });
  stack.defer(async () => {
    child.kill("SIGKILL");
    if (child.exitCode === null) await once(child, "exit");
  });
  const isReady = async () => (await fetch(`http://127.0.0.1:${admin}/readyz`)).ok;
  await eventually(isReady, { what: "the runner to be ready", timeoutMs: 30_000 });
  return `127.0.0.1:${grpc}`;
}

/** Answers a completion with a stream that is written by hand. */
async function startModel() {
  const streams: ServerResponse[] = [];
  const server = createServer((request, response) => {
    request.resume().on("end", () => {
      // The probe of a provider's health.
      if (request.method !== "POST") return response.end("{}");
      response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
      streams.push(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stack.defer(() => void server.closeAllConnections());
  stack.defer(() => void server.close());
  const say = (content: string, finish_reason: string | null = null) =>
    streams
      .at(-1)
      ?.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason }] })}\n\n`);
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, streams, say };
}

type Frame = {
  readonly id: number;
  readonly event: string;
  readonly data: { textDelta?: string; ended?: { text: string } };
};

/** Reads Server-Sent Events until one satisfies `last`, and then leaves. */
async function read(gateway: RunningGateway, path: string, init: RequestInit, last: (frame: Frame) => boolean) {
  const gone = new AbortController();
  const response = await fetch(`http://127.0.0.1:${gateway.httpPort}${path}`, { ...init, signal: gone.signal });
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  const frames: Frame[] = [];
  let text = "";
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk).toString();
    const parts = text.split("\n\n");
    text = parts.pop() ?? "";
    for (const part of parts) {
      const of = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(part)?.[1] ?? "";
      if (of("data") !== "") frames.push({ id: Number(of("id")), event: of("event"), data: JSON.parse(of("data")) });
    }
    if (frames.some(last)) break;
  }
  gone.abort();
  return frames;
}

test("a reader who drops goes on with Last-Event-ID at another gateway, in front of another runner, without a gap", async () => {
  const said: string[] = [];
  const say = () => {
    said.push(`${`part ${said.length} of it `.repeat(40)}\n`);
    model.say(said.at(-1) ?? "");
  };
  const start = { method: "POST", headers: asAdmin({ "content-type": "application/json" }), body: '{"text":"go"}' };
  const reading = read(gateways[0], "/v1/agents/talker:stream", start, ({ event }) => event === "textDelta");
  await eventually(async () => model.streams.length === 1, { what: "the model to be called" });
  // What leaves is always a little behind what was said, for it is inspected; so the model talks on.
  const talking = setInterval(say, 50);
  const begun = await reading.finally(() => clearInterval(talking));
  const run = JSON.parse(JSON.stringify(begun[0]?.data)).runId;
  const last = begun.at(-1)?.id ?? 0;
  assert.ok(last > 0 && run, JSON.stringify(begun));

  say();
  const resumed = { headers: asAdmin({ "last-event-id": String(last) }) };
  const going = read(gateways[1], `/v1/agent-runs/${run}:stream`, resumed, ({ event }) => event === "ended");
  model.say("", "stop");
  model.streams.at(-1)?.end("data: [DONE]\n\n");
  const rest = await going;

  const all = [...begun, ...rest];
  const ids = all.map(({ id }) => id);
  assert.deepEqual(
    ids,
    ids.toSorted((a, b) => a - b),
  );
  assert.equal(new Set(ids).size, ids.length, "no frame comes twice");
  assert.ok(rest.every(({ id }) => id > last));
  const heard = all.map(({ data }) => data.textDelta ?? "").join("");
  assert.equal(heard, said.join(""));
  assert.equal(rest.at(-1)?.data.ended?.text, heard);
  assert.equal(model.streams.length, 1, "the model was asked once");
});
