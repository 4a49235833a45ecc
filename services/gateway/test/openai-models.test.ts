// Plain models by the official client: what it sends reaches the runner, and what comes back is in its shape.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AppError } from "@agentmesh/errors";
import { eventually } from "@agentmesh/harness";
import { CompleteChatRequest } from "@agentmesh/proto/runner";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import OpenAI from "openai";
import { pipelineStages } from "../src/pipeline/pipeline.ts";
import { asAdmin, startEdge, type TestEdge } from "./edge.ts";

let edge: TestEdge;
let openai: OpenAI;
const { completeChat, streamChat } = runnerContract.methods;

before(async () => {
  edge = await startEdge();
  openai = new OpenAI({ baseURL: `http://127.0.0.1:${edge.gateway.httpPort}/v1`, apiKey: "admin", maxRetries: 0 });
});
after(() => edge[Symbol.asyncDispose]());

const MODEL = "openai/gpt-4.1";
const hello = [{ role: "user" as const, content: "hello" }];
const answer = {
  id: "c-1",
  model: MODEL,
  text: "hi",
  toolCalls: [],
  finish: "stop",
  usage: { uncachedInputTokens: 10n, outputTokens: 7n },
  startedAt: new Date("2026-11-20T10:00:00Z"),
};
const tools = [
  {
    type: "function" as const,
    function: { name: "lookup", description: "finds", parameters: { type: "object" }, strict: true },
  },
];

function lastRequest(path: string) {
  return CompleteChatRequest.fromPartial(Object(edge.fleet.calls.findLast((call) => call.path === path)?.request));
}

test("messages, tools, format and sampling come along, and a tool call comes back", async () => {
  edge.fleet.on(completeChat.path, async () => ({
    ...answer,
    text: "",
    finish: "tool_calls",
    toolCalls: [{ id: "call_1", name: "lookup", arguments: '{"id":1}' }],
  }));
  edge.exchanges.length = 0;
  const completion = await openai.chat.completions.create({
    model: MODEL,
    messages: [
      { role: "system", content: "Be short." },
      { role: "user", content: [{ type: "text", text: "Where is it?" }] },
      {
        role: "assistant",
        content: null,
        tool_calls: [{ id: "call_0", type: "function", function: { name: "lookup", arguments: '{"id":0}' } }],
      },
      { role: "tool", tool_call_id: "call_0", content: "nothing" },
    ],
    tools,
    tool_choice: { type: "function", function: { name: "lookup" } },
    response_format: { type: "json_schema", json_schema: { name: "place", strict: true, schema: { type: "object" } } },
    temperature: 0,
    stop: "END",
    max_completion_tokens: 50,
  });
  const [choice] = completion.choices;
  assert.deepEqual(
    [choice?.finish_reason, choice?.message.content, choice?.message.tool_calls],
    ["tool_calls", null, [{ id: "call_1", type: "function", function: { name: "lookup", arguments: '{"id":1}' } }]],
  );
  assert.deepEqual([completion.model, completion.usage?.total_tokens], [MODEL, 17]);
  const asked = lastRequest(completeChat.path);
  assert.deepEqual(
    asked.messages.map(({ role, text }) => [role, text]),
    [
      ["ROLE_SYSTEM", "Be short."],
      ["ROLE_USER", "Where is it?"],
      ["ROLE_ASSISTANT", ""],
      ["ROLE_TOOL", "nothing"],
    ],
  );
  assert.deepEqual(asked.tools, [
    { name: "lookup", description: "finds", parameters: { type: "object" }, strict: true },
  ]);
  assert.deepEqual(asked.toolChoice, { mode: "MODE_TOOL", tool: "lookup" });
  assert.deepEqual(asked.format, {
    type: "TYPE_JSON_SCHEMA",
    name: "place",
    schema: { type: "object" },
    strict: true,
  });
  assert.deepEqual([asked.sampling?.temperature, asked.sampling?.stop, asked.maxTokens], [0, ["END"], 50]);
  assert.equal(asked.sampling?.topP, undefined, "what is not said stays the provider's");
  assert.deepEqual(
    edge.exchanges[0]?.passed,
    pipelineStages.map(([name]) => name),
  );
});

test("structured output is read by the client's own parser", async () => {
  edge.fleet.on(completeChat.path, async () => ({ ...answer, text: '{"place":"shelf"}' }));
  const completion = await openai.chat.completions.parse({
    model: "default",
    messages: hello,
    response_format: { type: "json_schema", json_schema: { name: "place", strict: true, schema: { type: "object" } } },
  });
  assert.deepEqual(completion.choices[0]?.message.parsed, { place: "shelf" });
});

test("a stream has its text in pieces, its calls whole and its usage when asked for", async () => {
  edge.fleet.on(streamChat.path, async function* () {
    yield { seq: 1, event: { $case: "started", value: { id: "c-1", model: MODEL } } };
    yield { seq: 2, event: { $case: "textDelta", value: "one " } };
    yield { seq: 3, event: { $case: "textDelta", value: "two" } };
    yield { seq: 4, event: { $case: "toolCall", value: { id: "call_1", name: "lookup", arguments: "{}" } } };
    yield { seq: 5, event: { $case: "ended", value: { ...answer, finish: "tool_calls" } } };
  } as never);
  const runner = openai.chat.completions.stream({
    model: MODEL,
    messages: hello,
    tools,
    stream_options: { include_usage: true },
  });
  const final = await runner.finalChatCompletion();
  assert.equal(final.choices[0]?.message.content, "one two");
  const [call] = final.choices[0]?.message.tool_calls ?? [];
  assert.ok(call?.type === "function");
  assert.equal(call.function.name, "lookup");
  assert.deepEqual([final.choices[0]?.finish_reason, final.usage?.total_tokens], ["tool_calls", 17]);
});

const card = "4111 1111 1111 1111";

test("cards go neither to a model nor from one: in messages, tool results, streamed text and calls", async () => {
  edge.fleet.on(completeChat.path, async () => ({ ...answer, text: `it is ${card}` }));
  const { choices } = await openai.chat.completions.create({
    model: MODEL,
    messages: [
      { role: "user", content: `mine is ${card}` },
      {
        role: "assistant",
        tool_calls: [{ id: "c", type: "function", function: { name: "f", arguments: `{"a":"${card}"}` } }],
      },
      { role: "tool", tool_call_id: "c", content: `found ${card}` },
    ],
  });
  assert.equal(choices[0]?.message.content, "it is [card ****1111]");
  assert.ok(!JSON.stringify(lastRequest(completeChat.path)).includes(card));
  edge.fleet.on(streamChat.path, async function* () {
    yield { seq: 1, event: { $case: "started", value: { id: "c-1", model: MODEL } } };
    for (const [index, value] of ["it is 4111 11", "11 1111 1111"].entries())
      yield { seq: index + 2, event: { $case: "textDelta", value } };
    yield { seq: 4, event: { $case: "toolCall", value: { id: "c", name: "f", arguments: `{"a":"${card}"}` } } };
    yield { seq: 5, event: { $case: "ended", value: answer } };
  } as never);
  const chunks = await Array.fromAsync(
    await openai.chat.completions.create({ model: MODEL, messages: hello, stream: true }),
  );
  const said = JSON.stringify(chunks.map(({ choices: [choice] }) => choice?.delta));
  assert.ok(!said.includes("4111"), said);
  assert.ok(said.includes("[card ****1111]"));
});

test("errors are the client's own, and a reader who leaves ends the call", async () => {
  edge.fleet.on(completeChat.path, async () => {
    throw new AppError("RESOURCE_EXHAUSTED", "slow down", { reason: "PROVIDER_LIMITED", retryAfterMs: 2_000 });
  });
  const limited = await openai.chat.completions.create({ model: MODEL, messages: hello }).catch((cause) => cause);
  assert.ok(limited instanceof OpenAI.RateLimitError);
  assert.equal(limited.headers?.get("retry-after"), "2");
  for (const [more, code, param] of [
    [{ model: "gpt-4.1" }, "model_not_found", "model"],
    [{ n: 2 }, "unsupported", "n"],
    [{ temperature: 3 }, "bad_request", "temperature"],
    [{ tools: [{ type: "web_search" }] }, "bad_request", "tools[0].type"],
  ] as const) {
    const error = await openai.chat.completions
      .create({ model: MODEL, messages: hello, ...(more as object) })
      .catch((cause) => cause);
    assert.deepEqual([error.code, error.param], [code, param]);
  }
  let ended = false;
  edge.fleet.on(streamChat.path, async function* (_request: never, call: { signal: AbortSignal }) {
    yield { seq: 1, event: { $case: "started", value: { id: "c-1", model: MODEL } } };
    await new Promise((resolve) => call.signal.addEventListener("abort", resolve));
    ended = true;
  } as never);
  for await (const _ of await openai.chat.completions.create({ model: MODEL, messages: hello, stream: true })) break;
  await eventually(() => ended, { what: "the runner to hear of it" });
});

test("images may be 3 MiB; other routes stay at one; what is packed is not unpacked", async () => {
  edge.fleet.on(completeChat.path, async () => answer);
  const image = `data:image/png;base64,${Buffer.alloc(2_900_000).toString("base64")}`;
  const content = [{ type: "image_url" as const, image_url: { url: image } }];
  await openai.chat.completions.create({ model: MODEL, messages: [{ role: "user", content }] });
  const headers = asAdmin({ "content-type": "application/json" });
  const large = JSON.stringify({ spec: { instructions: "x".repeat(1_100_000) } });
  const refused = await edge.http("/v1/runner/resources/Agent/x", { method: "PUT", headers, body: large });
  assert.equal(refused.status, 413);
  for (const path of ["/v1/chat/completions", "/v1/responses", "/v1/agents/desk:run"]) {
    const packed = await edge.http(path, {
      method: "POST",
      headers: { ...headers, "content-encoding": "gzip" },
      body: "{}",
    });
    assert.equal(packed.status, 415, path);
  }
});
