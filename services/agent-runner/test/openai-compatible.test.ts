import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { ModelRequest } from "../src/domain/model.ts";
import { openAiCompatible } from "../src/providers/openai-compatible.ts";
import { presets } from "../src/providers/presets.ts";
import type { CompleteOptions, Provider } from "../src/providers/provider.ts";
import { answers, completes, never, type ScriptedUpstream, startUpstream, streams } from "./scripted-upstream.ts";

let upstream: ScriptedUpstream;
let provider: Provider;

before(async () => {
  upstream = await startUpstream();
  provider = client("openai");
});

after(async () => {
  await provider[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

function client(name: string): Provider {
  const preset = presets.find((each) => each.name === name);
  assert.ok(preset);
  return openAiCompatible(preset, { apiKey: "sk-test", baseUrl: `${upstream.origin}/v1` });
}

const request: ModelRequest = {
  messages: [
    { role: "system", content: "be brief" },
    { role: "user", content: "hello" },
  ],
  tools: [{ type: "function", function: { name: "f", description: "d", parameters: { type: "object" } } }],
  output: { name: "answer", schema: { type: "object" } },
  temperature: 0.1,
  maxTokens: 77,
};

function ask(more: Partial<CompleteOptions> = {}, from: Provider = provider) {
  return from.complete("gpt-x", request, { signal: new AbortController().signal, timeoutMs: 2_000, ...more });
}

test("a call carries model, messages, tools, schema, bound and key, and its usage comes back in disjoint buckets", async () => {
  upstream.play(completes("hi", [["f", '{"a":1}']]));
  const reply = await ask();
  const [sent] = upstream.asked;
  assert.equal(sent?.path, "/v1/chat/completions");
  assert.equal(sent?.headers.authorization, "Bearer sk-test");
  const body = JSON.parse(sent?.body ?? "{}");
  assert.deepEqual([body.model, body.max_completion_tokens, body.messages.length], ["gpt-x", 77, 2]);
  assert.equal(body.response_format.type, "json_schema");
  assert.equal(body.tools[0].function.name, "f");
  assert.deepEqual(
    [reply.text, reply.finish, reply.toolCalls[0]?.function],
    ["hi", "tool_calls", { name: "f", arguments: '{"a":1}' }],
  );
  assert.deepEqual(reply.usage, {
    uncachedInputTokens: 60,
    cacheReadTokens: 40,
    cacheWriteTokens: 0,
    outputTokens: 15,
    reasoningTokens: 5,
  });
});

test("an endpoint without schemas is told of the schema in words", async () => {
  await using groq = client("groq");
  upstream.play(completes("{}"));
  await ask({}, groq);
  const body = JSON.parse(upstream.asked[0]?.body ?? "{}");
  assert.equal(body.response_format.type, "json_object");
  assert.match(body.messages[0].content, /JSON Schema: \{"type":"object"\}/);
  assert.equal(body.max_tokens, 77);
});

test("statuses become codes that say whether to try again, with the provider's patience", async () => {
  const cases: [number, object, Record<string, string>, object][] = [
    [
      429,
      {},
      { "retry-after": "3" },
      { code: "RESOURCE_EXHAUSTED", reason: "PROVIDER_RATE_LIMITED", retryAfterMs: 3_000 },
    ],
    [429, {}, { "retry-after-ms": "250" }, { code: "RESOURCE_EXHAUSTED", retryAfterMs: 250 }],
    [429, { error: { code: "insufficient_quota" } }, {}, { code: "FAILED_PRECONDITION", reason: "PROVIDER_QUOTA" }],
    [500, { error: { message: "boom" } }, {}, { code: "UNAVAILABLE", message: "openai answered 500: boom" }],
    [504, {}, {}, { code: "DEADLINE_EXCEEDED" }],
    [401, {}, {}, { code: "FAILED_PRECONDITION", reason: "PROVIDER_AUTH" }],
    [400, {}, {}, { code: "FAILED_PRECONDITION", reason: "PROVIDER_REFUSED" }],
  ];
  for (const [status, body, headers, expected] of cases) {
    upstream.play(answers(status, body, headers));
    await assert.rejects(ask(), expected, `${status}`);
  }
});

test("a 200 that is no answer is a broken upstream", async () => {
  for (const body of ["<html>", "{}", "null", '{"choices":[]}', "x".repeat(9 * 1024 * 1024)]) {
    upstream.play(answers(200, body));
    await assert.rejects(ask(), { code: "UNAVAILABLE", reason: "PROVIDER_MALFORMED" });
  }
});

test("a slow upstream ends at the time-out, a cancelled call at once, a dead one is unavailable", async () => {
  upstream.play(never);
  await assert.rejects(ask({ timeoutMs: 50 }), { code: "DEADLINE_EXCEEDED", reason: "PROVIDER_TIMEOUT" });
  const abort = new AbortController();
  const call = ask({ signal: abort.signal });
  setImmediate(() => abort.abort());
  await assert.rejects(call, { code: "CANCELLED" });
  const preset = presets.find((each) => each.name === "vllm");
  assert.ok(preset);
  await using dead = openAiCompatible(preset, { apiKey: "", baseUrl: "http://127.0.0.1:1/v1" });
  await assert.rejects(ask({}, dead), { code: "UNAVAILABLE", reason: "PROVIDER_UNAVAILABLE" });
});

function delta(content: object, finish_reason: string | null = null): object {
  return { choices: [{ index: 0, delta: content, finish_reason }] };
}

test("a stream is put together: text as it comes, a tool call in pieces, usage at the end", async () => {
  const call = (index: number, more: object) => delta({ tool_calls: [{ index, ...more }] });
  upstream.play(
    streams([
      delta({ role: "assistant", content: "" }),
      delta({ content: "Hel" }),
      delta({ content: "lo" }),
      call(0, { id: "c1", function: { name: "f", arguments: '{"a"' } }),
      call(0, { function: { arguments: ":1}" } }),
      delta({}, "tool_calls"),
      { choices: [], usage: { prompt_tokens: 10, completion_tokens: 4, total_tokens: 14 } },
      "[DONE]",
    ]),
  );
  const heard: string[] = [];
  const reply = await ask({ onText: (text) => heard.push(text) });
  assert.deepEqual(heard, ["Hel", "lo"]);
  assert.deepEqual(reply.toolCalls, [{ id: "c1", type: "function", function: { name: "f", arguments: '{"a":1}' } }]);
  assert.deepEqual([reply.usage.uncachedInputTokens, reply.usage.outputTokens], [10, 4]);
  assert.deepEqual(JSON.parse(upstream.asked[0]?.body ?? "{}").stream_options, { include_usage: true });
});

test("a stream that breaks off, lies or carries an error is not an answer", async () => {
  const heard: string[] = [];
  const onText = (text: string) => heard.push(text);
  upstream.play(streams([delta({ content: "half" })], "cut"));
  await assert.rejects(ask({ onText }), { code: "UNAVAILABLE" });
  assert.deepEqual(heard, ["half"]);
  upstream.play(streams([delta({ content: "half" })]));
  await assert.rejects(ask({ onText }), { reason: "PROVIDER_MALFORMED", message: /broke off/ });
  upstream.play(streams(["{not json"]));
  await assert.rejects(ask({ onText }), { reason: "PROVIDER_MALFORMED" });
  upstream.play(streams([{ error: { message: "overloaded" } }]));
  await assert.rejects(ask({ onText }), { message: /overloaded/ });
  upstream.play(streams([delta({ content: "slow" })], "hang"));
  await assert.rejects(ask({ onText, timeoutMs: 60 }), { code: "DEADLINE_EXCEEDED" });
});

test("an endpoint that reports no usage is not free", async () => {
  upstream.play(answers(200, { choices: [{ message: { content: "four words of text" }, finish_reason: "stop" }] }));
  const { usage } = await ask();
  assert.ok(usage.uncachedInputTokens > 10 && usage.outputTokens >= 4);
});
