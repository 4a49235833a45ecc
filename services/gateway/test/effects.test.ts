import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AppError } from "@agentmesh/errors";
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

test("of many at once one runs; the others are told it is under way", async () => {
  const gate = Promise.withResolvers<void>();
  edge.fleet.on(path, async () => {
    await gate.promise;
    return { id: "only" };
  });
  const before = timesCalled();
  let answered = 0;
  const replies = Array.from({ length: 5 }, async () => {
    const reply = await start("k3", {});
    answered += 1;
    // The one that runs is held back until all the others have their answer.
    if (answered === 4) gate.resolve();
    return reply.status;
  });
  assert.deepEqual((await Promise.all(replies)).sort(), [200, 409, 409, 409, 409]);
  assert.equal(timesCalled() - before, 1);
  assert.deepEqual((await start("k3", {})).body, { id: "only" });
});

test("a refused request leaves its key free; one whose end nobody knows does not", async () => {
  edge.fleet.on(path, () => Promise.reject(new AppError("DEADLINE_EXCEEDED", "it took too long")));
  assert.equal((await start("k4", {})).status, 504);
  const again = await start("k4", {});
  assert.equal(again.status, 409);
  assert.match(again.text, /IDEMPOTENCY_IN_FLIGHT/);
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
