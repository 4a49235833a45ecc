import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { after, before, beforeEach, test } from "node:test";
import { eventually } from "@agentmesh/harness";
import { costContract } from "@agentmesh/proto/cost.contract";
import { AgentRun_State } from "@agentmesh/proto/runner";
import { everything, startTestMesh, type TestMesh } from "./mesh.ts";
import { startReplica } from "./replica.ts";
import { completes, type ScriptedUpstream, startUpstream, streams } from "./scripted-upstream.ts";

// A durable run whose tool is an agent: `boss` asks `worker`, which calls its model twice. The second call of the first
// worker hangs until somebody kills the replica or cancels the run.
let stack: AsyncDisposableStack;
let mesh: TestMesh;
let upstream: ScriptedUpstream;
let token: string;
let hanging: ServerResponse[];

before(async () => {
  stack = new AsyncDisposableStack();
  upstream = stack.use(await startUpstream());
  const providers = { openai: { apiKey: "sk-test", baseUrl: `${upstream.origin}/v1` } };
  mesh = await startTestMesh(stack, {
    cache: false,
    runner: { models: { retryDelayMs: 10, providers }, runs: { leaseMs: 20_000, sweepMs: 100 } },
  });
  token = await mesh.callers.token({ permissions: everything, subject: "user:ada", project: "helpdesk" });
  const parameters = { type: "object", properties: { text: { type: "string" } }, required: ["text"] };
  const limits = { turns: 3, timeoutMs: 60_000, retries: 0 };
  const agent = { model: "openai/gpt-4.1-mini", instructions: "answer", limits, cache: { mode: "off" } };
  const tool = { description: "x", effect: "read", timeoutMs: 60_000, parameters };
  await apply("Tool", "note", { ...tool, source: { type: "identity" } });
  await apply("Agent", "worker", { ...agent, tools: ["note"] });
  await apply("Tool", "ask_worker", { ...tool, source: { type: "agent", agent: "worker" } });
  await apply("Agent", "boss", { ...agent, tools: ["ask_worker"] });
});
after(() => stack.disposeAsync());

beforeEach(() => {
  hanging = [];
  let calls = 0;
  upstream.play((response, asked) => {
    const { messages, tools } = JSON.parse(asked.body);
    const tool = tools[0].function.name;
    const isFirst = messages.at(-1).role === "user";
    if (tool === "ask_worker") return (isFirst ? streams(asksWorker) : streams(bossAnswers))(response, asked);
    calls += 1;
    if (calls === 2) return void hanging.push(response);
    (isFirst ? completes(null, [["note", '{"text":"x"}']]) : completes("worked"))(response, asked);
  });
});

const ask = { index: 0, id: "call_1", type: "function", function: { name: "ask_worker", arguments: '{"text":"go"}' } };
const usage = { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 };
const asksWorker = [
  { choices: [{ index: 0, delta: { tool_calls: [ask] }, finish_reason: null }] },
  { choices: [{ index: 0, delta: {}, finish_reason: "tool_calls" }] },
  { choices: [], usage },
  "[DONE]",
];
const bossAnswers = [
  { choices: [{ index: 0, delta: { content: "done" }, finish_reason: "stop" }] },
  { choices: [], usage },
  "[DONE]",
];

function apply(kind: string, name: string, spec: object) {
  return mesh.runner.applyResource({ kind, name, spec }, { token });
}

async function ledgerOf(runId: string, rows: number) {
  const client = await mesh.callers.client(costContract, mesh.cost.port);
  const all = await eventually(
    async () => {
      const ledger = await client.listLedger({ runId }, { token });
      return ledger.rows.length >= rows ? ledger.rows : undefined;
    },
    { what: `${rows} rows of run ${runId} in the ledger`, timeoutMs: 20_000 },
  );
  assert.equal(new Set(all.map(({ attemptId }) => attemptId)).size, all.length, "a row for each attempt");
  assert.ok(all.every(({ charge }) => charge?.subject === "user:ada" && charge.project === "helpdesk"));
  return all
    .map(
      (row) => `${row.charge?.agent} ${row.uncachedInputTokens + row.cacheReadTokens} ${row.outputTokens} ${row.kind}`,
    )
    .sort();
}

async function hangs(): Promise<ServerResponse> {
  return eventually(async () => hanging[0], { what: "the worker's second call to hang", timeoutMs: 20_000 });
}

test("kill -9 in a run below another: each of its attempts stands in the ledger, as far as it was known", async () => {
  await using replica = await startReplica(mesh, upstream.origin);
  const { id } = await replica.client.runAgent({ agent: "boss", text: "go", detached: true }, { token });
  await hangs();
  replica.signal("SIGKILL");
  const ended = await eventually(
    async () => {
      const run = await mesh.runner.getAgentRun({ id }, { token });
      return run.endedAt && run;
    },
    { what: "another replica to end the run", timeoutMs: 30_000 },
  );
  assert.deepEqual([ended.state, ended.text, ended.attempt], [AgentRun_State.SUCCEEDED, "done", 2]);
  const rows = await ledgerOf(id, 7);
  assert.equal(rows.length, 7, rows.join("\n"));
  assert.equal(rows.filter((row) => /^boss 7 3 settled$/.test(row)).length, 3, rows.join("\n"));
  // Two calls of the second worker and the first of the one that was killed are known; its other one is estimated.
  assert.equal(rows.filter((row) => /^worker 100 \d+ settled$/.test(row)).length, 3, rows.join("\n"));
  assert.equal(rows.filter((row) => /^worker \d+ 0 settled$/.test(row)).length, 1, rows.join("\n"));
});

test("a run that is cancelled takes the runs below it along to their provider, and what they used is recorded", async () => {
  const { id } = await mesh.runner.runAgent({ agent: "boss", text: "go", detached: true }, { token });
  const response = await hangs();
  const closed = new Promise((resolve) => response.once("close", resolve));
  await mesh.runner.cancelAgentRun({ id }, { token });
  await closed;
  const rows = await ledgerOf(id, 3);
  assert.deepEqual(
    rows.map((row) => row.split(" ")[0]),
    ["boss", "worker", "worker"],
  );
  const { runs } = await mesh.runner.listAgentRuns({ agent: "worker", pageSize: 1 }, { token });
  assert.deepEqual([runs[0]?.state, runs[0]?.labels.parent_run], [AgentRun_State.CANCELLED, id]);
});
