import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startCache } from "@agentmesh/cache";
import { eventually } from "@agentmesh/harness";
import { cacheContract } from "@agentmesh/proto/cache.contract";
import { costContract } from "@agentmesh/proto/cost.contract";
import type { Client } from "@agentmesh/rpc";
import { everything, startTestMesh, type TestMesh } from "./mesh.ts";
import { answers, type ScriptedUpstream, startUpstream } from "./scripted-upstream.ts";

// What the cache's embedder costs: the real cache and the real cost, an embeddings endpoint that follows a script.
let stack: AsyncDisposableStack;
let mesh: TestMesh;
let upstream: ScriptedUpstream;
let cost: Client<typeof costContract>;

before(async () => {
  stack = new AsyncDisposableStack();
  upstream = stack.use(await startUpstream());
  mesh = await startTestMesh(stack, { cache: false });
  cost = await mesh.callers.client(costContract, mesh.cost.port);
});
after(() => stack.disposeAsync());

const DIMENSIONS = 8;
const vector = Array.from({ length: DIMENSIONS }, (_, at) => (at === 0 ? 1 : 0));
const embeds = answers(200, {
  data: [{ index: 0, embedding: vector }],
  usage: { prompt_tokens: 1_000, total_tokens: 1_000 },
});

/** A cache that asks the scripted endpoint, and a question to it. */
async function cacheWith(embedder: object) {
  const settings = {
    ...mesh.settings("cache"),
    redis: { url: mesh.environment.redisUrl, timeoutMs: 1_000 },
    peers: { cost: mesh.addresses.cost },
    semantic: {
      embedder: {
        baseUrl: `${upstream.origin}/v1`,
        model: "text-embedding-3-small",
        dimensions: DIMENSIONS,
        ...embedder,
      },
    },
  };
  const running = stack.use(await startCache(settings));
  const client = await mesh.callers.client(cacheContract, running.port, "agent-runner");
  return (question: string, token: string) =>
    client.lookup(
      {
        key: {
          agent: "drafter",
          agentVersion: 1,
          model: "m",
          policyHash: "a".repeat(64),
          input: JSON.stringify([{ user: question }]),
        },
        semantic: { threshold: 0 },
      },
      { token },
    );
}

function tokenOf(tenant: string) {
  return mesh.callers.token({
    tenant,
    permissions: everything,
    subject: "user:ada",
    department: "support",
    project: "desk",
  });
}

async function ledgerOf(token: string, rows: number) {
  return eventually(
    async () => {
      const ledger = await cost.listLedger({}, { token });
      return ledger.rows.length >= rows ? ledger.rows : undefined;
    },
    { what: `${rows} rows in the ledger` },
  );
}

test("an embedding is a row of the ledger: its tenant, its caller, its price; asked again it is remembered and costs nothing", async () => {
  const ask = await cacheWith({});
  const token = await tokenOf("acme");
  upstream.play(embeds);
  await ask("How do I brew tea?", token);
  const [row] = await ledgerOf(token, 1);
  assert.deepEqual(
    [row?.provider, row?.model, row?.uncachedInputTokens, row?.outputTokens, row?.costNanoUsd, row?.kind],
    ["openai", "text-embedding-3-small", 1_000n, 0n, 20_000n, "settled"],
  );
  const { tenant, subject, department, project, agent } = row?.charge ?? {};
  assert.deepEqual([tenant, subject, department, project, agent], ["acme", "user:ada", "support", "desk", "drafter"]);
  await ask("How do I brew tea?", token);
  assert.equal(upstream.asked.length, 1);
  assert.equal((await ledgerOf(token, 1)).length, 1);
  assert.deepEqual((await cost.listLedger({}, { token: await tokenOf("globex") })).rows, []);
});

test("an embedding that was refused costs nothing, one that was cut off what was held; both are rows", async () => {
  const ask = await cacheWith({ timeoutMs: 200 });
  const token = await tokenOf("failing");
  upstream.play(answers(500, "no"));
  await ask("How do I brew coffee?", token);
  assert.deepEqual(
    (await ledgerOf(token, 1)).map((row) => row.costNanoUsd),
    [0n],
  );
  upstream.play(() => undefined);
  assert.equal((await ask("How do I brew cocoa?", token)).hit, false);
  const rows = await ledgerOf(token, 2);
  assert.equal(rows.filter(({ costNanoUsd }) => costNanoUsd > 0n).length, 1);
});

test("without a price or a budget nothing is embedded, and the lookup is a miss like any other", async () => {
  upstream.play(embeds);
  const unknown = await cacheWith({ model: "no-such-embedder" });
  const token = await tokenOf("careful");
  assert.equal((await unknown("How do I brew tea?", token)).hit, false);
  const spec = { scope: "total", monthlyUsd: 0.000001 };
  await cost.applyResource({ kind: "Budget", name: "none", spec }, { token });
  const poor = await cacheWith({});
  const asked = upstream.asked.length;
  await eventually(
    async () => {
      const before = upstream.asked.length;
      assert.equal((await poor(`How do I brew tea? ${"very ".repeat(100)}`, token)).hit, false);
      return upstream.asked.length === before;
    },
    { what: "the budget to be counted" },
  );
  assert.equal(asked, 0);
});

test("an embedder that costs money is not opened without the ledger", async () => {
  const embedder = { baseUrl: `${upstream.origin}/v1` };
  const settings = { ...mesh.settings("cache"), redis: { url: mesh.environment.redisUrl }, semantic: { embedder } };
  await assert.rejects(startCache(settings), { reason: "NO_COST_ADDRESS" });
});
