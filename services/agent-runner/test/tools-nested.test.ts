import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "@agentmesh/harness";
import { costContract } from "@agentmesh/proto/cost.contract";
import { type AgentRun, AgentRun_State } from "@agentmesh/proto/runner";
import { everything, startTestMesh, type TestMesh } from "./mesh.ts";
import { type Asked, completes, type Script, type ScriptedUpstream, startUpstream } from "./scripted-upstream.ts";

// Agents that are tools of each other, with one place each: whoever waits for an agent below keeps its own place.
let stack: AsyncDisposableStack;
let mesh: TestMesh;
let upstream: ScriptedUpstream;
let token: string;

before(async () => {
  stack = new AsyncDisposableStack();
  upstream = stack.use(await startUpstream());
  mesh = await startTestMesh(stack, {
    runner: {
      models: {
        default: "embedded/lexical-1",
        retryDelayMs: 10,
        providers: { openai: { apiKey: "sk-test", baseUrl: `${upstream.origin}/v1` } },
      },
      pool: { places: 1, queue: 4 },
    },
  });
  token = await mesh.callers.token({ permissions: everything, subject: "user:ada", project: "helpdesk" });
});
after(() => stack.disposeAsync());

const openai = { model: "openai/gpt-4.1-mini", limits: { turns: 3, timeoutMs: 20_000, retries: 0 } };
const asks = { type: "object", properties: { text: { type: "string" } }, required: ["text"] };

function apply(kind: string, name: string, spec: object) {
  return mesh.runner.applyResource({ kind, name, spec }, { token });
}

function applyAgent(name: string, more: object = {}) {
  return apply("Agent", name, { ...openai, instructions: name, ...more });
}

function applyAgentTool(agent: string) {
  const source = { type: "agent", agent };
  return apply("Tool", `ask_${agent}`, {
    description: agent,
    effect: "read",
    timeoutMs: 60_000,
    parameters: asks,
    source,
  });
}

function run(agent: string, text: string): Promise<AgentRun> {
  return mesh.runner.runAgent({ agent, text }, { token, timeoutMs: 15_000, signal: AbortSignal.timeout(15_000) });
}

/** Calls its first tool; what it is told back, or has no tool for, it answers at once. */
const delegates: Script = (response, asked) => {
  const { messages, tools = [] } = JSON.parse(asked.body);
  const last = messages.at(-1);
  const calls = last.role === "user" && tools.length > 0;
  const play = calls
    ? completes(null, [[tools[0].function.name, JSON.stringify({ text: last.content })]])
    : completes(`${last.content}`.toUpperCase());
  play(response, asked);
};

/** Keeps the first `count` calls until all of them are there. */
function together(count: number): Script {
  const waiting: (() => void)[] = [];
  return (response, asked) => {
    if (waiting.length >= count) return delegates(response, asked);
    waiting.push(() => delegates(response, asked));
    if (waiting.length === count) for (const go of waiting) go();
  };
}

test("two agents whose places are taken and that call each other do not wait for each other", async () => {
  await applyAgent("bo");
  await applyAgentTool("bo");
  await applyAgent("al", { tools: ["ask_bo"] });
  upstream.play(together(2));
  const first = run("al", "one");
  await eventually(async () => upstream.asked.length === 1, { what: "al to have its place" });
  // al is declared anew without its tool, so that bo may have al as one; the run under way keeps what it had.
  await applyAgent("al");
  await applyAgentTool("al");
  await applyAgent("bo", { tools: ["ask_al"] });
  const second = run("bo", "two");
  const ended = await Promise.all([first, second]);
  assert.deepEqual(
    ended.map(({ state }) => state),
    [AgentRun_State.SUCCEEDED, AgentRun_State.SUCCEEDED],
  );
  // The bo that al called is the new one: what it asks of al is refused, and it answers with that.
  assert.match(ended[0].text, /AL → BO → AL/);
  assert.equal(ended[1].text, "TWO");
});

test("a judge whose tool is the very agent it judges does not wait for the place that waits for it", async () => {
  await applyAgent("writer");
  await applyAgentTool("writer");
  await applyAgent("critic", { tools: ["ask_writer"] });
  await applyAgent("writer", { quality: { judge: "critic" } });
  upstream.play(delegates);
  const ended = await run("writer", "a poem");
  assert.equal(ended.state, AgentRun_State.SUCCEEDED, ended.failure?.message);
  assert.ok(ended.quality?.checks.some(({ name }) => name === "judge"));
});

test("more calls of one agent than it has places wait their turn, and what finds the queue full is told so at once", async () => {
  await applyAgent("expert");
  await applyAgentTool("expert");
  await applyAgent("desk", { tools: ["ask_expert"] });
  const calls = Array.from({ length: 7 }, (_, n): [string, string] => ["ask_expert", `{"text":"q${n}"}`]);
  const isDesk = ({ body }: Asked) => JSON.parse(body).tools?.length > 0;
  upstream.play((response, asked) => {
    const { messages } = JSON.parse(asked.body);
    const asksAll = isDesk(asked) && messages.at(-1).role === "user";
    (asksAll ? completes(null, calls) : completes("done"))(response, asked);
  });
  const ended = await run("desk", "seven at once");
  const failed = ended.toolCalls.filter((call) => call.failed).map(({ result }) => JSON.parse(result));
  assert.deepEqual([ended.state, ended.toolCalls.length, failed.length], [AgentRun_State.SUCCEEDED, 7, 2]);
  for (const { code, error } of failed) {
    assert.equal(code, "QUEUE_FULL");
    assert.match(error, /agent expert as a tool, 1 deep: all 1 places.*try again later/);
  }
});

test("runs below another stay within its budget: they are clamped to what its calls leave", async () => {
  const poor = await mesh.callers.token({ permissions: everything, tenant: "poor", subject: "user:bo" });
  const cost = await mesh.callers.client(costContract, mesh.cost.port);
  const applyFor = (kind: string, name: string, spec: object) =>
    mesh.runner.applyResource({ kind, name, spec }, { token: poor });
  const source = { type: "agent", agent: "expert" };
  await applyFor("Agent", "expert", { ...openai, instructions: "expert" });
  await applyFor("Tool", "ask_expert", { description: "expert", effect: "read", parameters: asks, source });
  await applyFor("Agent", "desk", { ...openai, instructions: "desk", tools: ["ask_expert"] });
  // One call of at most 2 048 tokens at 1.6 USD a million, and a little more.
  await cost.applyResource({ kind: "Budget", name: "b", spec: { scope: "total", monthlyUsd: 0.004 } }, { token: poor });
  upstream.play(delegates);
  const ended = await mesh.runner.runAgent({ agent: "desk", text: "why?" }, { token: poor, timeoutMs: 15_000 });
  const mostTokens = upstream.asked.map(({ body }) => {
    const { max_tokens, max_completion_tokens = max_tokens } = JSON.parse(body);
    return Number(max_completion_tokens);
  });
  assert.equal(ended.state, AgentRun_State.SUCCEEDED, ended.failure?.message);
  const [first = 0, below = 0, last = 0] = mostTokens;
  assert.deepEqual([mostTokens.length, first], [3, 2_048]);
  assert.ok(below >= 16 && below < 1_000 && last < 1_000, `${mostTokens}`);
  const rows = await eventually(
    async () => {
      const ledger = await cost.listLedger({ runId: ended.id }, { token: poor });
      return ledger.rows.length === 3 ? ledger.rows : undefined;
    },
    { what: "a row for each of the three calls" },
  );
  assert.deepEqual(rows.map(({ charge }) => charge?.agent).sort(), ["desk", "desk", "expert"]);
});
