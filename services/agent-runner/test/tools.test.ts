import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "@agentmesh/harness";
import { costContract } from "@agentmesh/proto/cost.contract";
import { type AgentRun, AgentRun_State, type TraceEntry } from "@agentmesh/proto/runner";
import { everything, startTestMesh, type TestMesh } from "./mesh.ts";
import { type Asked, completes, type ScriptedUpstream, startUpstream } from "./scripted-upstream.ts";

// Tools of every kind through the real service. The upstream answers by what the request asks for, so that several
// agents can run at once.
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
    },
  });
  token = await mesh.callers.token({ permissions: everything, subject: "user:ada", project: "helpdesk" });
});
after(() => stack.disposeAsync());

const openai = { model: "openai/gpt-4.1-mini", limits: { turns: 3, timeoutMs: 1_000, retries: 0 } };
const asks = { type: "object", properties: { text: { type: "string" } }, required: ["text"] };

function apply(kind: string, name: string, spec: object) {
  return mesh.runner.applyResource({ kind, name, spec }, { token });
}

async function run(agent: string, text: string, given = token): Promise<AgentRun> {
  return mesh.runner.runAgent({ agent, text }, { token: given });
}

async function applyAgentTool(agent: string): Promise<string> {
  await apply("Tool", `ask_${agent}`, {
    description: agent,
    effect: "read",
    parameters: asks,
    source: { type: "agent", agent },
  });
  return `ask_${agent}`;
}

/** Calls its first tool, and then answers with what the tool said, in capitals. */
function delegates(asked: Asked): Parameters<typeof completes> {
  const { messages, tools = [] } = JSON.parse(asked.body);
  const last = messages.at(-1);
  if (last.role === "user" && tools.length > 0) {
    return [null, [[tools[0].function.name, JSON.stringify({ text: last.content })]]];
  }
  return [`${last.content}`.toUpperCase()];
}

test("an agent is a tool of another: for the same caller, with the actor chain, charged to the run at the top", async () => {
  upstream.play((response, asked) => completes(...delegates(asked))(response, asked));
  await apply("Agent", "expert", { ...openai, instructions: "answer" });
  const tool = await applyAgentTool("expert");
  await apply("Agent", "desk", { ...openai, instructions: "ask the expert", tools: [tool] });
  const top = await run("desk", "why?");
  assert.deepEqual([top.state, top.text], [AgentRun_State.SUCCEEDED, "WHY?"], top.failure?.message);
  assert.equal(top.toolCalls[0]?.result, "WHY?");
  const { runs } = await mesh.runner.listAgentRuns({ agent: "expert" }, { token });
  const [child] = runs;
  assert.deepEqual([child?.subject, child?.actors], ["user:ada", ["agent:desk"]]);
  assert.equal(child?.labels.parent_run, top.id);
  const client = await mesh.callers.client(costContract, mesh.cost.port);
  const rows = await eventually(
    async () => {
      const ledger = await client.listLedger({ runId: top.id }, { token });
      return ledger.rows.length === 3 ? ledger.rows : undefined;
    },
    { what: "two calls of desk and one of expert in the ledger of the one run" },
  );
  assert.deepEqual(rows.map((row) => row.charge?.agent).sort(), ["desk", "desk", "expert"]);
});

test("cycles are refused when declared, with their chain, and so are chains that are too deep", async () => {
  await apply("Agent", "a", { instructions: "a" });
  const askA = await applyAgentTool("a");
  await apply("Agent", "b", { instructions: "b", tools: [askA] });
  const askB = await applyAgentTool("b");
  await assert.rejects(apply("Agent", "a", { instructions: "a", tools: [askB] }), {
    reason: "AGENT_CYCLE",
    message: /Agent\/a → Tool\/ask_b → Agent\/b → Tool\/ask_a → Agent\/a/,
  });
  await assert.rejects(
    apply("Tool", askA, { description: "a", effect: "read", parameters: asks, source: { type: "agent", agent: "b" } }),
    { reason: "AGENT_CYCLE" },
  );
  let below = askB;
  for (const name of ["c", "d"]) {
    await apply("Agent", name, { instructions: name, tools: [below] });
    below = await applyAgentTool(name);
  }
  await assert.rejects(apply("Agent", "e", { instructions: "e", tools: [below] }), { reason: "AGENT_DEPTH" });
});

test("a permission the caller lacks is an error for the model, and the answer is not kept for others", async () => {
  upstream.play((response, asked) => completes(...delegates(asked))(response, asked));
  await apply("Tool", "salaries", {
    description: "Salaries",
    effect: "read",
    permission: "system:config",
    parameters: asks,
    source: { type: "identity" },
  });
  await apply("Agent", "payroll", { ...openai, instructions: "answer", tools: ["salaries"] });
  const clerk = await mesh.callers.token({ permissions: ["agent:execute"], subject: "user:clerk" });
  const allowed = await run("payroll", "who earns what?");
  assert.equal(allowed.toolCalls[0]?.failed, false);
  const refused = await run("payroll", "who earns what?", clerk);
  assert.deepEqual([refused.cache, refused.toolCalls[0]?.failed], ["none", true]);
  assert.match(refused.toolCalls[0]?.result ?? "", /MISSING_PERMISSION.*system:config/);
});

test("functions bring their parameters, and a retry or a function that is not there is refused when declared", async () => {
  await apply("Tool", "calculator", {
    description: "Computes arithmetic",
    effect: "read",
    source: { type: "function", name: "calculator" },
  });
  upstream.play(completes(null, [["calculator", '{"expression":"6 * 7"}']]), completes("42"));
  await apply("Agent", "counter", { ...openai, instructions: "compute", tools: ["calculator"] });
  const ended = await run("counter", "six times seven");
  assert.equal(ended.toolCalls[0]?.result, '{"expression":"6 * 7","result":42}');
  const declared = JSON.parse(upstream.asked[0]?.body ?? "{}").tools[0].function;
  assert.deepEqual(declared.parameters.required, ["expression"]);
  const tool = (spec: object) => apply("Tool", "bad", { description: "x", effect: "read", ...spec });
  await assert.rejects(tool({ source: { type: "function", name: "shell" } }), {
    reason: "UNKNOWN_FUNCTION",
    message: /calculator, clock, unit_convert/,
  });
  await assert.rejects(tool({ source: { type: "identity" } }), { message: /parameters.* is required/s });
  await assert.rejects(
    tool({ source: { type: "mcp", tool: "x", server: { transport: "stdio", command: "sh" } }, parameters: asks }),
    {
      reason: "COMMAND_NOT_ALLOWED",
    },
  );
});

test("a run that loops fails with LOOPING", async () => {
  upstream.play(completes(null, [["calculator", '{"expression":"1"}']]));
  await apply("Agent", "stuck", {
    ...openai,
    limits: { turns: 20, retries: 0 },
    instructions: "x",
    tools: ["calculator"],
  });
  const ended = await run("stuck", "go");
  assert.deepEqual([ended.state, ended.failure?.code], [AgentRun_State.FAILED, "LOOPING"]);
});

test("thoughts, plan, steps and revisions are events of the run and are kept with it; the embedded model plans too", async () => {
  await apply("Tool", "kb", {
    description: "Search the knowledge base",
    effect: "read",
    parameters: { type: "object", properties: { query: { type: "string" } }, required: ["query"] },
    source: {
      type: "documents",
      documents: [
        { id: "refunds", title: "Refunds", text: "A refund reaches the card within five working days." },
        { id: "login", title: "Password reset", text: "Choose forgotten password on the sign-in page." },
      ],
    },
  });
  await apply("Agent", "planner", {
    instructions: "Answer from the knowledge base. First search it with kb.",
    tools: ["kb"],
    reasoning: ["chain-of-thought", "plan-and-solve"],
  });
  const streamed: TraceEntry[] = [];
  let ended: AgentRun | undefined;
  const text = "How long does a refund take? How do I reset my password?";
  for await (const { event } of mesh.runner.streamAgent({ agent: "planner", text }, { token })) {
    if (event?.$case === "trace") streamed.push(event.value);
    if (event?.$case === "ended") ended = event.value;
  }
  assert.equal(ended?.state, AgentRun_State.SUCCEEDED, ended?.failure?.message);
  assert.match(ended?.text ?? "", /five working days/);
  assert.match(ended?.text ?? "", /forgotten password/);
  assert.deepEqual(
    streamed.map(({ entry }) => entry?.$case),
    ["thoughts", "plan", "step", "step"],
  );
  assert.deepEqual(ended?.trace, streamed);
  assert.deepEqual((await mesh.runner.getAgentRun({ id: ended?.id ?? "" }, { token })).trace, streamed);
});

test("an earlier version of a definition can be read and applied again", async () => {
  const first = await apply("Agent", "versioned", { instructions: "one" });
  await apply("Agent", "versioned", { instructions: "two" });
  const { version = 0 } = first.resource ?? {};
  const earlier = await mesh.runner.getResource({ kind: "Agent", name: "versioned", version }, { token });
  const reverted = await mesh.runner.applyResource({ kind: "Agent", name: "versioned", spec: earlier.spec }, { token });
  assert.deepEqual([reverted.resource?.version, reverted.resource?.spec], [version + 2, { instructions: "one" }]);
});
