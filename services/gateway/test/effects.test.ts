import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AppError } from "@agentmesh/errors";
import { eventually } from "@agentmesh/harness";
import { authContract } from "@agentmesh/proto/auth.contract";
import { orchestratorContract } from "@agentmesh/proto/orchestrator.contract";
import { asAdmin, startEdge, type TestEdge } from "./edge.ts";

let edge: TestEdge;
before(async () => {
  edge = await startEdge();
});
after(() => edge[Symbol.asyncDispose]());

const path = orchestratorContract.methods.startWorkflow.path;

function start(key: string, input: object) {
  const headers = asAdmin({ "idempotency-key": key, "content-type": "application/json" });
  return edge.http("/v1/workflows/triage:start", { method: "POST", headers, body: JSON.stringify({ input }) });
}

function timesCalled(): number {
  return edge.fleet.calls.filter((call) => call.path === path).length;
}

test("the same key and request has one effect and one reply; another request with the key is refused", async () => {
  let runs = 0;
  edge.fleet.on(path, async () => ({ id: `run-${++runs}` }));
  const [first, second] = [await start("k1", { a: 1 }), await start("k1", { a: 1 })];
  assert.deepEqual(first.body, { id: "run-1" });
  assert.deepEqual(second.body, { id: "run-1" });
  assert.equal(timesCalled(), 1);
  const other = await start("k1", { a: 2 });
  assert.equal(other.status, 409);
  assert.match(other.text, /IDEMPOTENCY_KEY_REUSED/);
  assert.deepEqual((await start("k2", { a: 1 })).body, { id: "run-2" });
});

test("of fifty at once, over three gateways, one runs and all get its reply", async () => {
  const [second, third] = await Promise.all([edge.another(), edge.another()]);
  await using _second = second;
  await using _third = third;
  const gate = Promise.withResolvers<void>();
  edge.fleet.on(path, async () => {
    await gate.promise;
    return { id: "only" };
  });
  const before = timesCalled();
  const ports = [edge.gateway, second, third].map(({ httpPort }) => httpPort);
  const headers = asAdmin({ "idempotency-key": "k3", "content-type": "application/json" });
  const replies = Array.from({ length: 50 }, async (_, at) => {
    const url = `http://127.0.0.1:${ports[at % 3]}/v1/workflows/triage:start`;
    const reply = await fetch(url, { method: "POST", headers, body: '{"input":{}}' });
    return `${reply.status} ${await reply.text()}`;
  });
  await eventually(() => timesCalled() > before, { what: "the first to reach the owner" });
  gate.resolve();
  assert.deepEqual([...new Set(await Promise.all(replies))], ['200 {"id":"only"}']);
  assert.equal(timesCalled() - before, 1);
});

test("whoever waits for a first that is refused is the next to try", async () => {
  let calls = 0;
  edge.fleet.on(path, async () => {
    calls += 1;
    if (calls === 1) throw new AppError("NOT_FOUND", "no such workflow yet");
    return { id: "at last" };
  });
  const statuses = await Promise.all(Array.from({ length: 5 }, async () => (await start("k7", {})).status));
  assert.deepEqual(statuses.toSorted(), [200, 200, 200, 200, 404]);
  assert.equal(calls, 2);
});

test("who waits for a first that does not end is told that it is under way", async () => {
  await using impatient = await edge.another({ repeatWaitMs: 200 });
  const gate = Promise.withResolvers<void>();
  edge.fleet.on(path, async () => {
    await gate.promise;
    return { id: "late" };
  });
  const before = timesCalled();
  const first = start("k8", {});
  await eventually(() => timesCalled() > before, { what: "the first to reach the owner" });
  const headers = asAdmin({ "idempotency-key": "k8", "content-type": "application/json" });
  const url = `http://127.0.0.1:${impatient.httpPort}/v1/workflows/triage:start`;
  const second = await fetch(url, { method: "POST", headers, body: '{"input":{}}' });
  assert.equal(second.status, 409);
  assert.match(await second.text(), /IDEMPOTENCY_IN_FLIGHT/);
  gate.resolve();
  assert.deepEqual((await first).body, { id: "late" });
});

test("a refused request leaves its key free; one whose end nobody knows does not", async () => {
  edge.fleet.on(path, () => Promise.reject(new AppError("DEADLINE_EXCEEDED", "it took too long")));
  assert.equal((await start("k4", {})).status, 504);
  const again = await start("k4", {});
  assert.equal(again.status, 409);
  assert.match(again.text, /IDEMPOTENCY_END_UNKNOWN/);
  edge.fleet.on(path, () => Promise.reject(new AppError("NOT_FOUND", "no such workflow")));
  assert.equal((await start("k5", {})).status, 404);
  edge.fleet.on(path, async () => ({ id: "now" }));
  assert.deepEqual((await start("k5", {})).body, { id: "now" });
});

test("a reply that holds a secret is not kept", async () => {
  edge.fleet.on(authContract.methods.createApiKey.path, async () => ({ secret: "s3cret-value" }));
  const create = () =>
    edge.http("/v1/auth/keys", {
      method: "POST",
      headers: asAdmin({ "idempotency-key": "k6", "content-type": "application/json" }),
      body: '{"name":"ci"}',
    });
  assert.equal((await create()).status, 200);
  const again = await create();
  assert.equal(again.status, 409);
  assert.match(again.text, /IDEMPOTENCY_REPLY_GONE/);
});
