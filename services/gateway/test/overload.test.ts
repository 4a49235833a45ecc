// An edge with few places: who is served, who is told to come back, and what it looks like.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "@agentmesh/harness";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import { startEdge, type TestEdge } from "./edge.ts";

let edge: TestEdge;
const { runAgent } = runnerContract.methods;

before(async () => {
  edge = await startEdge({ admission: { places: 2, queue: 4, waitMs: 5_000 } });
  for (const tenant of ["loud", "quiet"]) {
    edge.fleet.credentials.set(tenant, { permissions: ["agent:execute", "system:monitor"], tenant });
  }
});
after(() => edge[Symbol.asyncDispose]());

function run(tenant: string) {
  const headers = { authorization: `Bearer ${tenant}`, "content-type": "application/json" };
  return edge.http("/v1/agents/desk:run", { method: "POST", headers, body: '{"text":"?"}' });
}

test("under overload tenants take turns, and what is shed is told when to come back", async () => {
  const served: string[] = [];
  const open: (() => void)[] = [];
  edge.fleet.on(runAgent.path, async (_request: never, call) => {
    served.push(call.principal?.tenant ?? "");
    const { promise, resolve } = Promise.withResolvers<void>();
    open.push(resolve);
    await promise;
    return { state: "STATE_SUCCEEDED" };
  });
  const loud = Array.from({ length: 6 }, () => run("loud"));
  await eventually(async () => (await waiting()) === 4, { what: "four of the loud tenant to wait" });
  const refused = await run("loud");
  assert.equal(refused.status, 503);
  assert.equal((refused.body as { error: { reason: string } }).error.reason, "OVERLOADED");
  assert.equal(refused.headers.get("retry-after"), "1");
  const quiet = run("quiet");
  assert.equal((await Promise.race(loud)).status, 503, "the longest line makes room");
  const serve = async (count: number) => {
    open.shift()?.();
    await eventually(async () => served.length >= count, { what: `call ${count} to be served` });
  };
  await serve(3);
  await serve(4);
  assert.ok(served.slice(2, 4).includes("quiet"), served.join(" "));
  await serve(5);
  await serve(6);
  for (const end of open) end();
  const statuses = (await Promise.all([...loud, quiet])).map(({ status }) => status);
  assert.deepEqual(statuses.toSorted(), [200, 200, 200, 200, 200, 200, 503]);
  assert.equal(statuses.at(-1), 200);
});

async function waiting(): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${edge.gateway.adminPort}/metrics`)).text();
  return Number(/^agentmesh_gateway_calls_waiting(?:\{[^}]*\})? (\d+)/m.exec(text)?.[1] ?? -1);
}

test("with places free again everything passes", async () => {
  edge.fleet.on(runAgent.path, async () => ({ state: "STATE_SUCCEEDED" }));
  assert.equal((await run("loud")).status, 200);
});
