import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "@agentmesh/harness";
import { costContract } from "@agentmesh/proto/cost.contract";
import { type AgentRun, AgentRun_State, type AgentRunEvent } from "@agentmesh/proto/runner";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import { everything, startTestMesh, type TestMesh } from "./mesh.ts";
import { answers, completes, never, type ScriptedUpstream, startUpstream, streams } from "./scripted-upstream.ts";

// The real service with real PostgreSQL, NATS, Redis, cache and cost. Models: the embedded one, and an HTTP upstream
// that follows a script.
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
      pool: { places: 2, queue: 1 },
    },
  });
  token = await mesh.callers.token({
    permissions: everything,
    subject: "user:ada",
    department: "support",
    project: "helpdesk",
  });
  await apply("Tool", "kb_search", {
    description: "Search the knowledge base",
    effect: "read",
    parameters: {
      type: "object",
      properties: { query: { type: "string", minLength: 1 } },
      required: ["query"],
      additionalProperties: false,
    },
    source: {
      type: "documents",
      documents: [
        { id: "refunds", title: "Refunds", text: "A refund reaches the card within five working days." },
        { id: "login", title: "Password reset", text: "Choose forgotten password on the sign-in page." },
      ],
    },
  });
  await apply("Tool", "customer", {
    description: "Look a customer up",
    effect: "read",
    parameters: { type: "object", properties: { customer_id: { type: "string" } }, required: ["customer_id"] },
    source: {
      type: "table",
      key: "customer_id",
      rows: [{ customer_id: "C-1", plan: "pro", card: "4111 1111 1111 1111" }],
    },
  });
  await apply("Tool", "order", {
    description: "Read an order",
    effect: "read",
    timeoutMs: 500,
    parameters: { type: "object", properties: { id: { type: "string" }, note: { type: "string" } }, required: ["id"] },
    source: {
      type: "http",
      method: "GET",
      url: `${upstream.origin}/orders/{id}?note={note}`,
      headers: { "x-key": "k" },
    },
  });
  await apply("Tool", "send", {
    description: "Send something",
    effect: "effectful",
    parameters: { type: "object", properties: { what: { type: "string" } } },
    source: { type: "identity" },
  });
});

after(() => stack.disposeAsync());

const openai = {
  model: "openai/gpt-4.1-mini",
  instructions: "answer",
  limits: { turns: 3, timeoutMs: 1_000, retries: 2 },
};
const scored = {
  type: "object",
  properties: { score: { type: "number", minimum: 0, maximum: 1 } },
  required: ["score"],
  additionalProperties: false,
};

function apply(kind: string, name: string, spec: object, labels = {}) {
  return mesh.runner.applyResource({ kind, name, spec, labels }, { token });
}

async function run(agent: string, text: string, more: object = {}): Promise<AgentRun> {
  return mesh.runner.runAgent({ agent, text, ...more }, { token });
}

async function ledgerOf(runId: string) {
  const client = await mesh.callers.client(costContract, mesh.cost.port);
  return (await client.listLedger({ runId }, { token })).rows;
}

test("the embedded model answers through a tool, says its name, and the run is stored with usage and cost", async () => {
  await apply("Agent", "helper", {
    instructions: "Answer from the knowledge base. First search it with kb_search.",
    tools: ["kb_search"],
  });
  const ended = await run("helper", "How long does a refund take?", { labels: { ticket: "T-1" } });
  assert.equal(ended.state, AgentRun_State.SUCCEEDED, ended.failure?.message);
  assert.match(ended.text, /five working days/);
  assert.equal(ended.model, "embedded/lexical-1");
  assert.deepEqual([ended.usage?.modelCalls, ended.cache, ended.subject], [2, "none", "user:ada"]);
  assert.ok((ended.usage?.costNanoUsd ?? 0n) > 0n);
  assert.equal(ended.toolCalls[0]?.tool, "kb_search");
  assert.match(ended.toolCalls[0]?.result ?? "", /"id":"refunds"/);
  assert.deepEqual(await mesh.runner.getAgentRun({ id: ended.id }, { token }), ended);
  const rows = await ledgerOf(ended.id);
  assert.deepEqual(rows.map((row) => row.attemptId).sort(), [`${ended.id}:1:1`, `${ended.id}:1:2`]);
  assert.deepEqual([rows[0]?.charge?.department, rows[0]?.charge?.project], ["support", "helpdesk"]);
  assert.equal(
    rows.reduce((sum, row) => sum + row.costNanoUsd, 0n),
    ended.usage?.costNanoUsd,
  );
});

test("runs of one tenant are listed newest first, page by page, and no other tenant sees any", async () => {
  const first = await run("helper", "reset my password", { noCache: true });
  const second = await run("helper", "reset my password", { noCache: true });
  const page = await mesh.runner.listAgentRuns({ agent: "helper", pageSize: 1 }, { token });
  assert.equal(page.runs[0]?.id, second.id);
  const next = await mesh.runner.listAgentRuns(
    { agent: "helper", pageSize: 1, pageToken: page.nextPageToken },
    { token },
  );
  assert.equal(next.runs[0]?.id, first.id);
  const foreign = await mesh.callers.token({ tenant: "globex", permissions: everything });
  assert.deepEqual((await mesh.runner.listAgentRuns({}, { token: foreign })).runs, []);
  await assert.rejects(mesh.runner.getAgentRun({ id: first.id }, { token: foreign }), { code: "NOT_FOUND" });
  await assert.rejects(mesh.runner.getAgentRun({ id: "x" }, { token }), { code: "NOT_FOUND" });
  await assert.rejects(mesh.runner.runAgent({ agent: "helper", text: "x" }, { token: foreign }), {
    reason: "AGENT_NOT_FOUND",
  });
});

test("declarations are checked: tools that do not exist, models nobody serves, schemas and URLs that do not work", async () => {
  const agent = (spec: object) => apply("Agent", "bad", { instructions: "x", ...spec });
  await assert.rejects(agent({ tools: ["kb_search", "nope"] }), { reason: "UNKNOWN_TOOL", field: "spec.tools[1]" });
  await assert.rejects(agent({ tools: ["kb_search", "kb_search"] }), { code: "INVALID_ARGUMENT", field: "tools" });
  await assert.rejects(agent({ model: "nobody/gpt" }), { reason: "UNKNOWN_PROVIDER", field: "spec.model" });
  await assert.rejects(agent({ model: "embedded/large" }), { reason: "UNKNOWN_MODEL" });
  await assert.rejects(agent({ output: { type: "objekt" } }), { reason: "BAD_SCHEMA", field: "spec.output" });
  await assert.rejects(agent({ temprature: 1 }), { code: "INVALID_ARGUMENT", message: /unknown field "temprature"/ });
  const tool = (source: object, parameters: object = { type: "object" }) =>
    apply("Tool", "bad", { description: "x", effect: "read", parameters, source });
  await assert.rejects(tool({ type: "http", url: "https://{host}/x" }), { reason: "BAD_URL" });
  await assert.rejects(tool({ type: "http", url: "file:///etc/passwd" }), { reason: "BAD_URL" });
  await assert.rejects(tool({ type: "identity" }, { type: "string" }), { reason: "BAD_SCHEMA" });
  await assert.rejects(run("helper", ""), { reason: "NO_INPUT" });
  await assert.rejects(run("helper", "x", { input: { a: 1 } }), { reason: "NO_INPUT" });
});

test("the same question is answered from the cache, at no cost, with what that saved; another tenant's never is", async () => {
  await apply("Agent", "cached", openai);
  upstream.play(completes("the answer"));
  const first = await run("cached", "a question");
  assert.deepEqual([first.text, first.cache, upstream.asked.length], ["the answer", "none", 1]);
  const second = await eventually(
    async () => {
      const again = await run("cached", "a question");
      return again.cache === "none" ? undefined : again;
    },
    { what: "the answer to be in the cache" },
  );
  assert.deepEqual([second.text, second.usage?.costNanoUsd, second.usage?.modelCalls], ["the answer", 0n, 0]);
  const asked = upstream.asked.length;
  const [row] = await eventually(
    async () => {
      const rows = await ledgerOf(second.id);
      return rows.length > 0 ? rows : undefined;
    },
    { what: "the hit in the ledger" },
  );
  assert.deepEqual([row?.cacheHit, row?.costNanoUsd, row?.savedNanoUsd], [true, 0n, first.usage?.costNanoUsd]);

  const foreign = await mesh.callers.token({ tenant: "globex", permissions: everything });
  await mesh.runner.applyResource({ kind: "Agent", name: "cached", spec: openai }, { token: foreign });
  const other = await mesh.runner.runAgent({ agent: "cached", text: "a question" }, { token: foreign });
  assert.deepEqual([other.cache, upstream.asked.length], ["none", asked + 1]);
  assert.equal((await run("cached", "a question", { noCache: true })).cache, "none");
  await apply("Agent", "cached", { ...openai, instructions: "answer otherwise" });
  assert.equal((await run("cached", "a question")).cache, "none", "a changed agent answers anew");
});

test("structured output is repaired where it can be, and a typed failure where it cannot, never cached", async () => {
  await apply("Agent", "judge", { ...openai, output: scored });
  upstream.play(completes("excellent!"), completes('{"score":3}'), completes('{"score":0.9}'));
  const repaired = await run("judge", "good?");
  assert.deepEqual([repaired.state, repaired.output], [AgentRun_State.SUCCEEDED, { score: 0.9 }]);
  assert.equal(repaired.usage?.modelCalls, 3);
  upstream.play(completes("no idea"));
  const failed = await run("judge", "hopeless?");
  assert.deepEqual(
    [failed.state, failed.failure?.code, failed.failure?.retryable],
    [AgentRun_State.FAILED, "INVALID_OUTPUT", false],
  );
  assert.equal(failed.text, "");
  assert.equal(upstream.asked.length, 3);
  await run("judge", "hopeless?");
  assert.equal(upstream.asked.length, 6, "a failure is never in the cache");
});

test("tool calls: bad arguments go back to the model, an http tool encodes its arguments, an effect is never cached", async () => {
  await apply("Agent", "worker", { ...openai, tools: ["order", "customer", "send"] });
  const order = answers(200, { id: "7", total: 12 });
  upstream.play(
    completes(null, [
      ["order", '{"id":5}'],
      ["order", '{"id":"a/b?c","note":"x y"}'],
      ["customer", '{"customer_id":"C-1"}'],
    ]),
    order,
    completes("order found"),
  );
  const ended = await run("worker", "order?");
  assert.equal(ended.state, AgentRun_State.SUCCEEDED, ended.failure?.message);
  assert.equal(upstream.asked[1]?.path, "/orders/a%2Fb%3Fc?note=x%20y");
  assert.equal(upstream.asked[1]?.headers["x-key"], "k");
  const results = ended.toolCalls.map((call) => [call.tool, call.failed]).sort();
  assert.deepEqual(results, [
    ["customer", false],
    ["order", false],
    ["order", true],
  ]);
  const told = JSON.parse(upstream.asked[2]?.body ?? "{}").messages;
  assert.match(told.at(-3).content, /\/id must be string/);
  const customer = ended.toolCalls.find((call) => call.tool === "customer");
  assert.match(customer?.result ?? "", /\[card \*\*\*\*1111\]/, "what is kept of a tool's answer is redacted");

  upstream.play(
    completes(null, [["send", '{"what":"x"}']]),
    completes("sent"),
    completes(null, [["send", '{"what":"x"}']]),
    completes("sent"),
  );
  await run("worker", "send it");
  const again = await run("worker", "send it");
  assert.deepEqual([again.cache, again.toolCalls.length], ["none", 1]);
});

test("an http tool's slow, large or failing answers are results; its host cannot be escaped", async () => {
  await apply("Agent", "worker", { ...openai, tools: ["order"] });
  const call = (args: object) => completes(null, [["order", JSON.stringify(args)]]);
  const cases: [object, typeof never, RegExp][] = [
    [{ id: "1", note: "n" }, never, /DEADLINE|timeout|aborted/i],
    [{ id: "1", note: "n" }, answers(200, "x".repeat(300_000)), /262144/],
    [{ id: "1", note: "n" }, answers(503, "busy"), /answered 503/],
    [{ id: "1", note: "n" }, answers(302, "", { location: "http://127.0.0.1:1/" }), /answered 302/],
    [{ id: "..", note: "n" }, never, /cannot stand in a URL/],
  ];
  for (const [args, script, expected] of cases) {
    const scripts =
      "id" in args && args.id === ".." ? [call(args), completes("ok")] : [call(args), script, completes("ok")];
    upstream.play(...scripts);
    const ended = await run("worker", `case ${expected}`, { noCache: true });
    assert.match(ended.toolCalls[0]?.result ?? "", expected);
    assert.equal(ended.state, AgentRun_State.SUCCEEDED);
  }
});

test("a model that only asks for tools fails as TURNS_EXHAUSTED, with all its usage in the ledger", async () => {
  await apply("Agent", "restless", { ...openai, tools: ["send"] });
  upstream.play(completes(null, [["send", "{}"]]));
  const ended = await run("restless", "go");
  assert.deepEqual([ended.state, ended.failure?.code], [AgentRun_State.FAILED, "TURNS_EXHAUSTED"]);
  assert.equal(ended.usage?.modelCalls, 3);
  assert.deepEqual(
    [ended.usage?.uncachedInputTokens, ended.usage?.cacheReadTokens, ended.usage?.reasoningTokens],
    [180n, 120n, 15n],
  );
  assert.equal((await ledgerOf(ended.id)).length, 3);
});

test("failures that may pass are tried again, each attempt with its own hold and record; others are not", async () => {
  await apply("Agent", "retried", openai);
  upstream.play(answers(429, {}, { "retry-after": "0" }), answers(500, "boom"), completes("at last"));
  const ended = await run("retried", "1");
  assert.deepEqual([ended.text, ended.usage?.modelCalls], ["at last", 3]);
  assert.equal((await ledgerOf(ended.id)).length, 3);
  upstream.play(answers(200, "not json"));
  const broken = await run("retried", "2");
  assert.deepEqual(
    [broken.failure?.code, broken.failure?.retryable, upstream.asked.length],
    ["PROVIDER_MALFORMED", true, 3],
  );
  upstream.play(answers(400, { error: { message: "bad" } }));
  const refused = await run("retried", "3");
  assert.deepEqual(
    [refused.failure?.code, refused.failure?.retryable, upstream.asked.length],
    ["PROVIDER_REFUSED", false, 1],
  );
  upstream.play(answers(429, {}, { "retry-after": "60" }));
  const told = await run("retried", "4");
  assert.deepEqual(
    [told.failure?.code, upstream.asked.length],
    ["PROVIDER_RATE_LIMITED", 1],
    "a long wait is the caller's",
  );
});

test("a breaker opens for the model that is down, and for no other", async () => {
  await apply("Agent", "doomed", { ...openai, model: "openai/gpt-4.1-nano", limits: { turns: 1, retries: 0 } });
  upstream.play(answers(500, "down"));
  for (let i = 0; i < 5; i++) await run("doomed", `${i}`);
  assert.equal(upstream.asked.length, 5);
  const ended = await run("doomed", "one more");
  assert.deepEqual([ended.failure?.code, ended.failure?.retryable, upstream.asked.length], ["BREAKER_OPEN", true, 5]);
  upstream.play(completes("fine"));
  assert.equal((await run("retried", "other model")).text, "fine");
});

async function collect(events: AsyncIterable<AgentRunEvent>): Promise<AgentRunEvent[]> {
  const all: AgentRunEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

function delta(content: object, finish_reason: string | null = null): object {
  return { choices: [{ index: 0, delta: content, finish_reason }] };
}

test("a stream says what happens: started, tools, text, ended; numbered from one; a hit replays as a stream", async () => {
  await apply("Agent", "streamed", { ...openai, tools: ["kb_search"] });
  upstream.play(
    streams([
      delta({ tool_calls: [{ index: 0, id: "c", function: { name: "kb_search", arguments: '{"query":"refund"}' } }] }),
      delta({}, "tool_calls"),
      { choices: [], usage: { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 } },
      "[DONE]",
    ]),
    streams([delta({ content: "five " }), delta({ content: "days" }), delta({}, "stop"), "[DONE]"]),
  );
  const events = await collect(mesh.runner.streamAgent({ agent: "streamed", text: "refund?" }, { token }));
  const kinds = events.map((event) => event.event?.$case);
  assert.deepEqual(kinds, ["started", "toolStarted", "toolEnded", "textDelta", "ended"]);
  assert.deepEqual(
    events.map((event) => event.seq),
    [1, 2, 3, 4, 5],
  );
  assert.ok(events.every((event) => event.runId === events[0]?.runId));
  const last = events.at(-1)?.event;
  assert.ok(last?.$case === "ended" && last.value.text === "five days");
  await eventually(async () => (await run("streamed", "refund?")).cache !== "none", {
    what: "the streamed answer cached",
  });
  const replay = await collect(mesh.runner.streamAgent({ agent: "streamed", text: "refund?" }, { token }));
  assert.deepEqual(
    replay.map((event) => event.event?.$case),
    ["started", "textDelta", "ended"],
  );
  const embedded = await collect(
    mesh.runner.streamAgent({ agent: "helper", text: "password reset?", noCache: true }, { token }),
  );
  assert.equal(embedded.at(-1)?.event?.$case, "ended");
  await assert.rejects(collect(mesh.runner.streamAgent({ agent: "nobody", text: "x" }, { token })), {
    code: "NOT_FOUND",
  });
});

test("a caller who leaves cancels the run; it is stored as cancelled, with what it used", async () => {
  await apply("Agent", "left", { ...openai, limits: { turns: 1, timeoutMs: 20_000, retries: 2 } });
  upstream.play(streams([delta({ content: "x".repeat(2_000) })], "hang"));
  let runId = "";
  for await (const event of mesh.runner.streamAgent({ agent: "left", text: "long" }, { token })) {
    runId = event.runId;
    if (event.event?.$case === "textDelta") break;
  }
  const stored = await eventually(() => mesh.runner.getAgentRun({ id: runId }, { token }), {
    what: "the cancelled run",
  });
  assert.deepEqual([stored.state, stored.failure?.code], [AgentRun_State.CANCELLED, "CANCELLED"]);
  assert.ok((stored.usage?.outputTokens ?? 0n) > 100n, "what was streamed is counted");
  assert.equal(upstream.asked.length, 1, "never again after the first streamed byte");
  upstream.play(never);
  const abort = new AbortController();
  const call = mesh.runner.runAgent({ agent: "left", text: "waits" }, { token, signal: abort.signal });
  await eventually(() => upstream.asked.length === 1, { what: "the call to reach the upstream" });
  abort.abort();
  await assert.rejects(call, { code: "CANCELLED" });
  await eventually(
    async () => {
      const [newest] = (await mesh.runner.listAgentRuns({ agent: "left", pageSize: 1 }, { token })).runs;
      return newest?.id !== runId && newest?.state === AgentRun_State.CANCELLED && newest.usage?.modelCalls === 1;
    },
    { what: "the second cancelled run" },
  );
});

test("a full pool refuses at once with a hint; a slow call ends at its time-out", async () => {
  await apply("Agent", "busy", { ...openai, limits: { turns: 1, timeoutMs: 300, retries: 0 } });
  upstream.play(never);
  const outcomes = await Promise.allSettled(Array.from({ length: 4 }, (_, i) => run("busy", `${i}`)));
  const refused = outcomes.filter((outcome) => outcome.status === "rejected");
  assert.deepEqual(
    refused.map(({ reason }) => [reason.code, reason.reason, reason.retryAfterMs]),
    [["RESOURCE_EXHAUSTED", "QUEUE_FULL", 1000]],
  );
  const codes = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value.failure?.code] : []));
  assert.deepEqual(codes, ["PROVIDER_TIMEOUT", "PROVIDER_TIMEOUT", "PROVIDER_TIMEOUT"]);
});

test("what the policy forbids is gone before the model reads it and before the answer leaves", async () => {
  await apply("Agent", "careful", openai);
  upstream.play(completes("I stored 4111 1111 1111 1111 for you"));
  const ended = await run("careful", "my card is 5555 5555 5555 4444");
  assert.equal(ended.text, "I stored [card ****1111] for you");
  assert.match(upstream.asked[0]?.body ?? "", /my card is \[card \*\*\*\*4444\]/);
});

test("without cost no model is called; without the cache runs go on", async () => {
  await apply("Agent", "alone", openai);
  upstream.play(completes("fine"));
  const lonely = stack.use(
    await mesh.startRunner({ peers: { ...mesh.addresses, cost: "127.0.0.1:1", cache: "127.0.0.1:1" } }),
  );
  const broke = await mesh.callers.client(runnerContract, lonely.port);
  const failed = await broke.runAgent({ agent: "alone", text: "x" }, { token });
  assert.deepEqual(
    [failed.state, failed.failure?.code, failed.failure?.retryable, upstream.asked.length],
    [AgentRun_State.FAILED, "UNAVAILABLE", true, 0],
  );
  const uncached = stack.use(await mesh.startRunner({ peers: { ...mesh.addresses, cache: "127.0.0.1:1" } }));
  const client = await mesh.callers.client(runnerContract, uncached.port);
  assert.equal((await client.runAgent({ agent: "alone", text: "x" }, { token })).text, "fine");
});

test("permissions are enforced", async () => {
  const reader = await mesh.callers.token({ permissions: ["agent:read"] });
  await assert.rejects(mesh.runner.runAgent({ agent: "helper", text: "x" }, { token: reader }), {
    reason: "MISSING_PERMISSION",
  });
  await assert.rejects(mesh.runner.runAgent({ agent: "helper", text: "x" }), { reason: "NO_TOKEN" });
});
