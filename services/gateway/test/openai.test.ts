// The official client against the edge, with the runner's contract behind it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AppError } from "@agentmesh/errors";
import { eventually } from "@agentmesh/harness";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import OpenAI from "openai";
import { pipelineStages } from "../src/pipeline/pipeline.ts";
import { startEdge, type TestEdge } from "./edge.ts";

let edge: TestEdge;
let openai: OpenAI;
const { runAgent, streamAgent, listResources, getResource } = runnerContract.methods;

before(async () => {
  edge = await startEdge();
  openai = new OpenAI({ baseURL: `http://127.0.0.1:${edge.gateway.httpPort}/v1`, apiKey: "admin", maxRetries: 0 });
});
after(() => edge[Symbol.asyncDispose]());

const usage = {
  modelCalls: 1,
  uncachedInputTokens: 10n,
  cacheReadTokens: 5n,
  cacheWriteTokens: 2n,
  outputTokens: 7n,
  reasoningTokens: 3n,
  costNanoUsd: 1n,
};
const run = {
  id: "r-1",
  agent: "desk",
  state: "STATE_SUCCEEDED",
  text: "It was charged twice.",
  model: "embedded/lexical-1",
  startedAt: new Date("2026-11-20T10:00:00Z"),
  usage,
};
const counted = {
  prompt_tokens: 17,
  completion_tokens: 10,
  total_tokens: 27,
  prompt_tokens_details: { cached_tokens: 5 },
  completion_tokens_details: { reasoning_tokens: 3 },
};

function lastRequest(path: string) {
  return edge.fleet.calls.findLast((call) => call.path === path)?.request as Record<string, unknown>;
}

test("a chat completion is a run of the agent: what was said before, labels and usage come along", async () => {
  edge.fleet.on(runAgent.path, async () => run);
  edge.exchanges.length = 0;
  const completion = await openai.chat.completions.create({
    model: "agent:desk",
    messages: [
      { role: "developer", content: "Be short." },
      { role: "user", content: "Hello" },
      { role: "assistant", content: "Hi" },
      {
        role: "user",
        content: [
          { type: "text", text: "Was I charged twice?" },
          { type: "image_url", image_url: { url: "data:image/png;base64,AAEC" } },
          { type: "input_audio", input_audio: { data: "AAEC", format: "wav" } },
        ],
      },
    ],
    temperature: 0.7,
    metadata: { ticket: "T1" },
  });
  const [choice] = completion.choices;
  assert.deepEqual(
    [choice?.message.role, choice?.message.content, choice?.finish_reason],
    ["assistant", run.text, "stop"],
  );
  assert.deepEqual(
    [completion.id, completion.model, completion.created],
    ["chatcmpl-r-1", "agent:desk", 1_795_168_800],
  );
  assert.equal(completion.system_fingerprint, "embedded/lexical-1", "an offline stand-in says what it is");
  assert.deepEqual(completion.usage, counted);
  const asked = lastRequest(runAgent.path);
  assert.deepEqual([asked.agent, asked.text, asked.labels], ["desk", "Was I charged twice?", { ticket: "T1" }]);
  assert.deepEqual(asked.history, [
    { speaker: "SPEAKER_SYSTEM", text: "Be short." },
    { speaker: "SPEAKER_USER", text: "Hello" },
    { speaker: "SPEAKER_ASSISTANT", text: "Hi" },
  ]);
  assert.equal((asked.parts as unknown[]).length, 2);
  assert.deepEqual(
    edge.exchanges[0]?.passed,
    pipelineStages.map(([name]) => name),
    "the same stages as any other call",
  );
});

test("a stream arrives in pieces, with usage when asked for, and ends as the protocol says", async () => {
  edge.fleet.on(streamAgent.path, async function* () {
    yield { runId: "r-1", seq: 1, event: { $case: "started", value: { ...run, state: "STATE_RUNNING", text: "" } } };
    for (const [index, value] of ["It was ", "charged ", "twice."].entries()) {
      yield { runId: "r-1", seq: index + 2, event: { $case: "textDelta", value } };
    }
    yield { runId: "r-1", seq: 5, event: { $case: "ended", value: run } };
  } as never);
  const stream = await openai.chat.completions.create({
    model: "agent:desk",
    messages: [{ role: "user", content: "Was I charged twice?" }],
    stream: true,
    stream_options: { include_usage: true },
  });
  const chunks = await Array.fromAsync(stream);
  assert.equal(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join(""), run.text);
  assert.equal(chunks[0]?.choices[0]?.delta.role, "assistant");
  assert.equal(chunks.at(-2)?.choices[0]?.finish_reason, "stop");
  assert.deepEqual([chunks.at(-1)?.choices, chunks.at(-1)?.usage], [[], counted]);
  assert.equal(lastRequest(streamAgent.path).cancelOnDisconnect, true);
});

test("a reader who leaves a stream ends it at the runner", async () => {
  let ended = false;
  edge.fleet.on(streamAgent.path, async function* (_request: never, call: { signal: AbortSignal }) {
    yield { runId: "r-1", seq: 1, event: { $case: "started", value: run } };
    await new Promise((resolve) => call.signal.addEventListener("abort", resolve));
    ended = true;
  } as never);
  const stream = await openai.chat.completions.create({
    model: "agent:desk",
    messages: [{ role: "user", content: "?" }],
    stream: true,
  });
  for await (const _ of stream) break;
  await eventually(() => ended, { what: "the runner to hear of it" });
});

test("what goes wrong is one of the client's own errors, with what and where", async () => {
  const ask = (more: object) =>
    openai.chat.completions.create({
      model: "agent:desk",
      messages: [{ role: "user", content: "?" }],
      ...more,
    } as never) as Promise<unknown>;
  const failed = { ...run, state: "STATE_FAILED", text: "" };
  await assert.rejects(ask({ model: "gpt-4o" }), { status: 404, code: "model_not_found", param: "model" });
  await assert.rejects(ask({ n: 2 }), { status: 400, code: "unsupported", param: "n", message: /answers once/ });
  await assert.rejects(ask({ tools: [{ type: "function", function: { name: "x" } }] }), {
    status: 400,
    param: "tools",
  });
  await assert.rejects(ask({ messages: [] }), { status: 400, param: "messages" });
  await assert.rejects(ask({ messages: [{ role: "user", content: [{ type: "video" }] }] }), {
    status: 400,
    param: "messages[0].content",
  });
  await assert.rejects(ask({ messages: [{ role: "robot", content: "?" }] }), { param: "messages[0].role" });
  await assert.rejects(ask({ messages: [{ role: "assistant", content: "?" }] }), { message: /must be the user's/ });
  await assert.rejects(ask({ metadata: { a: 1 } }), { param: "metadata" });
  const stranger = new OpenAI({ baseURL: openai.baseURL, apiKey: "nobody", maxRetries: 0 });
  await assert.rejects(stranger.models.list(), (error) => error instanceof OpenAI.AuthenticationError);
  edge.fleet.on(runAgent.path, async () => {
    throw new AppError("RESOURCE_EXHAUSTED", "the pool is full", { reason: "QUEUE_FULL", retryAfterMs: 2_000 });
  });
  await assert.rejects(
    ask({}),
    (error) => error instanceof OpenAI.RateLimitError && error.headers?.get("retry-after") === "2",
  );
  edge.fleet.on(runAgent.path, async () => ({
    ...failed,
    failure: { code: "INVALID_OUTPUT", message: "it does not satisfy its schema", retryable: false },
  }));
  await assert.rejects(ask({}), { code: "invalid_output", message: /does not satisfy/ });
  edge.fleet.on(streamAgent.path, async function* () {
    yield { runId: "r-1", seq: 1, event: { $case: "started", value: run } };
    yield {
      runId: "r-1",
      seq: 2,
      event: {
        $case: "ended",
        value: { ...failed, failure: { code: "UNAVAILABLE", message: "gone", retryable: true } },
      },
    };
  } as never);
  const broken = (await ask({ stream: true })) as AsyncIterable<unknown>;
  await assert.rejects(Array.fromAsync(broken), { code: "unavailable" });
});

test("what the policy takes out of a text never reaches the runner", async () => {
  edge.fleet.on(runAgent.path, async () => ({ ...run, text: "Your card 4111 1111 1111 1111 is fine." }));
  const completion = await openai.chat.completions.create({
    model: "agent:desk",
    messages: [
      { role: "user", content: "mine is 4111 1111 1111 1111" },
      { role: "assistant", content: "ok" },
      { role: "user", content: "and 5500 0000 0000 0004" },
    ],
  });
  assert.doesNotMatch(JSON.stringify(lastRequest(runAgent.path)), /4111 1111|5500 0000/);
  assert.doesNotMatch(completion.choices[0]?.message.content ?? "", /4111 1111/);
});

test("agents are models", async () => {
  const desk = { kind: "Agent", name: "desk", tenant: "acme", appliedAt: new Date("2026-11-20T10:00:00Z") };
  edge.fleet.on(listResources.path, async () => ({ resources: [desk] }));
  edge.fleet.on(getResource.path, async () => desk);
  const expected = { id: "agent:desk", object: "model", created: 1_795_168_800, owned_by: "acme" };
  assert.deepEqual((await openai.models.list()).data, [expected]);
  assert.deepEqual({ ...(await openai.models.retrieve("agent:desk")) }, expected);
  const wrongVerb = await edge.http("/v1/models", { method: "DELETE" });
  assert.deepEqual([wrongVerb.status, wrongVerb.headers.get("allow")], [405, "GET"]);
});
