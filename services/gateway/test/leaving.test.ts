// Callers who leave or have no more time: over every surface the owner's call ends with them.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "@agentmesh/harness";
import type { AuditEntry } from "@agentmesh/proto/compliance";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import { type Call, createClient } from "@agentmesh/rpc";
import { asAdmin, startEdge, type TestEdge } from "./edge.ts";

let edge: TestEdge;
const { runAgent, streamAgent, completeChat, streamChat } = runnerContract.methods;
/** By request id, of owners' calls: whether they were cut. */
const cut = new Map<string, boolean>();

before(async () => {
  edge = await startEdge();
  const wait = async ({ signal, requestId }: Call) => {
    cut.set(requestId, false);
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    cut.set(requestId, true);
  };
  for (const { path } of [runAgent, completeChat]) {
    edge.fleet.on(path, async (_, call) => {
      await wait(call);
      return {};
    });
  }
  const started = { id: "r", agent: "desk", state: "STATE_RUNNING", model: "m" };
  for (const { path } of [streamAgent, streamChat]) {
    edge.fleet.on(path, async function* (_: never, call: Call) {
      yield { runId: "r", seq: 1, event: { $case: "started", value: started } };
      await wait(call);
    } as never);
  }
});
after(() => edge[Symbol.asyncDispose]());

const message = { messageId: "m", role: "ROLE_USER", parts: [{ text: "?" }] };
const rpc = (method: string, params: object) => ({ jsonrpc: "2.0", id: 1, method, params });
const messages = [{ role: "user", content: "?" }];

const overHttp: Readonly<Record<string, readonly [path: string, body: object]>> = {
  HTTP: ["/v1/agents/desk:run", { text: "?" }],
  SSE: ["/v1/agents/desk:stream", { text: "?" }],
  "a chat with an agent": ["/v1/chat/completions", { model: "agent:desk", messages }],
  "a chat with an agent, streamed": ["/v1/chat/completions", { model: "agent:desk", messages, stream: true }],
  "a chat with a model": ["/v1/chat/completions", { model: "default", messages }],
  "a chat with a model, streamed": ["/v1/chat/completions", { model: "default", messages, stream: true }],
  "a response": ["/v1/responses", { model: "agent:desk", input: "?" }],
  "a response, streamed": ["/v1/responses", { model: "agent:desk", input: "?", stream: true }],
  MCP: ["/mcp", rpc("tools/call", { name: "agent_desk", arguments: { text: "?" } })],
  A2A: ["/a2a/desk", rpc("SendMessage", { message })],
  "A2A, streamed": ["/a2a/desk", rpc("SendStreamingMessage", { message })],
};

for (const [name, [path, body]] of Object.entries(overHttp)) {
  test(`${name}: who hangs up ends the owner's call, and that is on record`, async () => {
    const id = `left-${name.replace(/\W+/g, "-")}`;
    const gone = new AbortController();
    const headers = asAdmin({ "content-type": "application/json", "a2a-version": "1.0", "x-request-id": id });
    const url = `http://127.0.0.1:${edge.gateway.httpPort}${path}`;
    const reply = fetch(url, { method: "POST", headers, body: JSON.stringify(body), signal: gone.signal });
    reply.then((response) => response.text()).catch(() => undefined);
    await eventually(() => cut.get(id) === false, { what: "the owner to be called" });
    gone.abort();
    await eventually(() => cut.get(id), { what: "the owner's call to end" });
    await eventually(() => entriesOf(id).some(({ outcome }) => outcome === "failed"), { what: "its end on record" });
  });
}

function entriesOf(requestId: string): AuditEntry[] {
  return edge.fleet.audited.filter((entry) => entry.requestId === requestId);
}

test("gRPC: who cancels, or has no more time, ends the owner's call", async () => {
  const runner = createClient(runnerContract, { address: edge.channel });
  const request = { agent: "desk", text: "?" };
  const gone = new AbortController();
  const options = (id: string) => ({ token: "admin", metadata: { "x-request-id": id } });
  const unary = runner.runAgent(request, { ...options("grpc-unary"), signal: gone.signal });
  const stream = Array.fromAsync(runner.streamAgent(request, { ...options("grpc-stream"), signal: gone.signal }));
  await eventually(() => cut.get("grpc-unary") === false && cut.get("grpc-stream") === false, { what: "the calls" });
  gone.abort();
  await assert.rejects(unary, { code: "CANCELLED" });
  await assert.rejects(stream, { code: "CANCELLED" });
  const late = { ...options("grpc-late"), timeoutMs: 1_000 };
  await assert.rejects(Array.fromAsync(runner.streamAgent(request, late)), { code: "DEADLINE_EXCEEDED" });
  for (const id of ["grpc-unary", "grpc-stream", "grpc-late"]) {
    await eventually(() => cut.get(id), { what: `the owner's call of ${id} to end` });
  }
});

test("a stream that is open when the edge goes is on record with its end", async () => {
  const other = await edge.another();
  const url = `http://127.0.0.1:${other.httpPort}/v1/agents/desk:stream`;
  const headers = asAdmin({ "content-type": "application/json", "x-request-id": "at-the-end" });
  const reading = fetch(url, { method: "POST", headers, body: '{"text":"?"}' }).then((reply) => reply.text());
  await eventually(() => cut.get("at-the-end") === false, { what: "the owner to be called" });
  await other[Symbol.asyncDispose]();
  assert.match(await reading, /DRAINING/);
  assert.deepEqual(
    entriesOf("at-the-end").map(({ outcome }) => outcome),
    ["allowed", "failed"],
  );
});
