// Two replicas behind the edge: who gets the calls, and what a drain costs.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "@agentmesh/harness";
import { cacheContract } from "@agentmesh/proto/cache.contract";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import { startEdge, type TestEdge } from "./edge.ts";
import { type Fleet, startFleet } from "./fleet.ts";

let edge: TestEdge;
let other: Fleet;
let url: string;
const stack = new AsyncDisposableStack();

before(async () => {
  edge = stack.use(await startEdge());
  other = stack.use(await startFleet(edge.environment, edge.callers));
  const both = (name: "agent-runner" | "cache") => `${edge.fleet.peers[name]},${other.peers[name]}`;
  const gateway = stack.use(
    await edge.another({
      peers: { ...edge.fleet.peers, "agent-runner": both("agent-runner"), cache: both("cache") },
      balance: { "agent-runner": { policy: "adaptive" }, cache: { policy: "consistent_hash", key: "tenant" } },
    }),
  );
  url = `http://127.0.0.1:${gateway.httpPort}`;
});
after(() => stack.disposeAsync());

async function statusOf(path: string, credential: string, init: RequestInit = {}): Promise<number> {
  const headers = { authorization: `Bearer ${credential}`, "content-type": "application/json" };
  const reply = await fetch(`${url}${path}`, { ...init, headers });
  await reply.arrayBuffer();
  return reply.status;
}

function served(fleet: Fleet, path: string): number {
  return fleet.calls.filter((call) => call.path === path).length;
}

test("runs go to both replicas, and one that drains costs none of them", async () => {
  const { path } = runnerContract.methods.runAgent;
  const statuses: number[] = [];
  let next = 0;
  let stopped: Promise<void> | undefined;
  async function one(): Promise<void> {
    while (next < 200) {
      if (next++ === 100) stopped = other.stop("agent-runner");
      statuses.push(await statusOf("/v1/agents/triage:run", "admin", { method: "POST", body: '{"text":"hello"}' }));
    }
  }
  await Promise.all(Array.from({ length: 8 }, one));
  await stopped;
  assert.deepEqual(new Set(statuses), new Set([200]));
  assert.equal(served(edge.fleet, path) + served(other, path), 200, "each ran once");
  assert.ok(served(other, path) > 10, `${served(other, path)}`);
});

test("a tenant keeps to one cache replica, and tenants spread over both", async () => {
  const { path } = cacheContract.methods.getCacheStats;
  const tenants = Array.from({ length: 12 }, (_, i) => `tenant-${i}`);
  for (const tenant of tenants) edge.fleet.credentials.set(tenant, { permissions: ["system:monitor"], tenant });
  const callAll = () => Promise.all(tenants.map((tenant) => statusOf("/v1/cache/stats", tenant)));
  await eventually(
    async () => {
      await callAll();
      return served(edge.fleet, path) > 0 && served(other, path) > 0;
    },
    { what: "both replicas to be connected" },
  );
  const replicas = new Set<string>();
  for (const tenant of tenants) {
    for (const fleet of [edge.fleet, other]) fleet.calls.length = 0;
    for (let j = 0; j < 5; j++) assert.equal(await statusOf("/v1/cache/stats", tenant), 200);
    const counts = [served(edge.fleet, path), served(other, path)];
    assert.ok(counts.includes(5), `${tenant}: ${counts}`);
    replicas.add(counts.join());
  }
  assert.equal(replicas.size, 2);
});
