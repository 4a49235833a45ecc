import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "@agentmesh/harness";
import { AgentRun_State } from "@agentmesh/proto/runner";
import { type Desk, openai, openDesk, scored } from "./desk.fixture.ts";
import { everything, type TestMesh } from "./mesh.ts";
import { answers, completes, never, type ScriptedUpstream } from "./scripted-upstream.ts";

let desk: Desk;
let mesh: TestMesh;
let upstream: ScriptedUpstream;
let token: string;
let apply: Desk["apply"];
let run: Desk["run"];
let ledgerOf: Desk["ledgerOf"];

before(async () => {
  desk = await openDesk();
  ({ mesh, upstream, token, apply, run, ledgerOf } = desk);
});

after(() => desk[Symbol.asyncDispose]());

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
