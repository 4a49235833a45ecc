import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "@agentmesh/harness";
import { AgentRun_State, type AgentRunEvent } from "@agentmesh/proto/runner";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import { type Desk, openai, openDesk } from "./desk.fixture.ts";
import type { TestMesh } from "./mesh.ts";
import { answers, completes, never, type ScriptedUpstream, streams } from "./scripted-upstream.ts";

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
  await apply("Agent", "helper", { instructions: "Answer from the knowledge base.", tools: ["kb_search"] });
});

after(() => desk[Symbol.asyncDispose]());

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

test("a caller who leaves cancels the run, a reader where asked; it is stored as cancelled, with what it used", async () => {
  await apply("Agent", "left", { ...openai, limits: { turns: 1, timeoutMs: 20_000, retries: 2 } });
  upstream.play(streams([delta({ content: "x".repeat(2_000) })], "hang"));
  let runId = "";
  for await (const event of mesh.runner.streamAgent(
    { agent: "left", text: "long", cancelOnDisconnect: true },
    { token },
  )) {
    runId = event.runId;
    if (event.event?.$case === "textDelta") break;
  }
  const stored = await eventually(
    async () => {
      const found = await mesh.runner.getAgentRun({ id: runId }, { token });
      return found.state !== AgentRun_State.RUNNING && found;
    },
    { what: "the cancelled run" },
  );
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
  await using lonely = await mesh.startRunner({
    peers: { ...mesh.addresses, cost: "127.0.0.1:1", cache: "127.0.0.1:1" },
  });
  const broke = await mesh.callers.client(runnerContract, lonely.port);
  const failed = await broke.runAgent({ agent: "alone", text: "x" }, { token });
  assert.deepEqual(
    [failed.state, failed.failure?.code, failed.failure?.retryable, upstream.asked.length],
    [AgentRun_State.FAILED, "UNAVAILABLE", true, 0],
  );
  await using uncached = await mesh.startRunner({ peers: { ...mesh.addresses, cache: "127.0.0.1:1" } });
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
