// Responses of plain models by the official client.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AppError } from "@agentmesh/errors";
import { CompleteChatRequest } from "@agentmesh/proto/runner";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import OpenAI from "openai";
import { pipelineStages } from "../src/pipeline/pipeline.ts";
import { startEdge, type TestEdge } from "./edge.ts";

let edge: TestEdge;
let openai: OpenAI;
const { completeChat, streamChat } = runnerContract.methods;

before(async () => {
  edge = await startEdge();
  openai = new OpenAI({ baseURL: `http://127.0.0.1:${edge.gateway.httpPort}/v1`, apiKey: "admin", maxRetries: 0 });
});
after(() => edge[Symbol.asyncDispose]());

const MODEL = "openai/gpt-4.1";
const answer = {
  id: "c-1",
  model: MODEL,
  text: "on the shelf",
  toolCalls: [],
  finish: "stop",
  usage: { uncachedInputTokens: 8n, cacheReadTokens: 2n, outputTokens: 5n, reasoningTokens: 2n },
  startedAt: new Date("2026-11-20T10:00:00Z"),
};
const call = { id: "call_1", name: "lookup", arguments: '{"id":1}' };
const tools: OpenAI.Responses.FunctionTool[] = [
  { type: "function", name: "lookup", description: "finds", parameters: { type: "object" }, strict: true },
];

function lastRequest(path: string) {
  return CompleteChatRequest.fromPartial(Object(edge.fleet.calls.findLast((one) => one.path === path)?.request));
}

test("a text and what it cost, through every stage", async () => {
  edge.fleet.on(completeChat.path, async () => answer);
  edge.exchanges.length = 0;
  const response = await openai.responses.create({
    model: MODEL,
    instructions: "Be short.",
    input: "Where? My card is 4111 1111 1111 1111",
    temperature: 0,
    max_output_tokens: 50,
    metadata: { ticket: "T1" },
  });
  assert.equal(response.output_text, "on the shelf");
  assert.deepEqual([response.status, response.model, Reflect.get(response, "store")], ["completed", MODEL, false]);
  assert.deepEqual([response.usage?.input_tokens, response.usage?.input_tokens_details.cached_tokens], [10, 2]);
  assert.deepEqual([response.usage?.output_tokens, response.usage?.output_tokens_details.reasoning_tokens], [7, 2]);
  assert.deepEqual([response.metadata, response.instructions], [{ ticket: "T1" }, "Be short."]);
  const asked = lastRequest(completeChat.path);
  assert.deepEqual(
    asked.messages.map(({ role, text }) => [role, text]),
    [
      ["ROLE_SYSTEM", "Be short."],
      ["ROLE_USER", "Where? My card is [card ****1111]"],
    ],
  );
  assert.deepEqual([asked.sampling?.temperature, asked.maxTokens], [0, 50]);
  assert.deepEqual(
    edge.exchanges[0]?.passed,
    pipelineStages.map(([name]) => name),
  );
});

test("tools are called, and their answers come back as the calls they belong to", async () => {
  edge.fleet.on(completeChat.path, async () => ({ ...answer, text: "", finish: "tool_calls", toolCalls: [call] }));
  const input: OpenAI.Responses.ResponseInput = [{ role: "user", content: [{ type: "input_text", text: "Where?" }] }];
  const first = await openai.responses.create({
    model: MODEL,
    input,
    tools,
    tool_choice: { type: "function", name: "lookup" },
  });
  assert.deepEqual(first.output, [
    {
      id: "fc_call_1",
      type: "function_call",
      call_id: "call_1",
      name: "lookup",
      arguments: '{"id":1}',
      status: "completed",
    },
  ]);
  assert.deepEqual(lastRequest(completeChat.path).tools, [
    { name: "lookup", description: "finds", parameters: { type: "object" }, strict: true },
  ]);
  assert.deepEqual(lastRequest(completeChat.path).toolChoice, { mode: "MODE_TOOL", tool: "lookup" });
  edge.fleet.on(completeChat.path, async () => answer);
  input.push(...(first.output as OpenAI.Responses.ResponseInput), {
    type: "function_call_output",
    call_id: "call_1",
    output: "shelf 7",
  });
  const second = await openai.responses.create({ model: MODEL, input, tools });
  assert.equal(second.output_text, "on the shelf");
  const asked = lastRequest(completeChat.path);
  assert.deepEqual(
    asked.messages.map(({ role, text, toolCalls, toolCallId }) => [role, text, toolCalls, toolCallId]),
    [
      ["ROLE_USER", "Where?", [], ""],
      ["ROLE_ASSISTANT", "", [call], ""],
      ["ROLE_TOOL", "shelf 7", [], "call_1"],
    ],
  );
});

test("structured output is read by the client's own parser; an answer that was cut says so", async () => {
  edge.fleet.on(completeChat.path, async () => ({ ...answer, text: '{"place":"shelf"}' }));
  const format = { type: "json_schema" as const, name: "place", strict: true, schema: { type: "object" } };
  const parsed = await openai.responses.parse({ model: "default", input: "Where?", text: { format } });
  assert.deepEqual(parsed.output_parsed, { place: "shelf" });
  const asked = lastRequest(completeChat.path);
  assert.deepEqual(asked.format, { type: "TYPE_JSON_SCHEMA", name: "place", schema: { type: "object" }, strict: true });
  edge.fleet.on(completeChat.path, async () => ({ ...answer, finish: "length" }));
  const cut = await openai.responses.create({ model: MODEL, input: "Where?" });
  assert.deepEqual([cut.status, cut.incomplete_details], ["incomplete", { reason: "max_output_tokens" }]);
});

test("a stream tells text and calls as the client's own accumulator reads them", async () => {
  edge.fleet.on(streamChat.path, async function* () {
    yield { seq: 1, event: { $case: "started", value: { ...answer, text: "" } } };
    yield { seq: 2, event: { $case: "textDelta", value: "on the " } };
    yield { seq: 3, event: { $case: "textDelta", value: "shelf" } };
    yield { seq: 4, event: { $case: "toolCall", value: call } };
    yield { seq: 5, event: { $case: "toolCall", value: { ...call, id: "call_2" } } };
    yield { seq: 6, event: { $case: "ended", value: { ...answer, toolCalls: [call], finish: "tool_calls" } } };
  } as never);
  const stream = openai.responses.stream({ model: MODEL, input: "Where?", tools });
  const types: string[] = [];
  let text = "";
  let sequence = 0;
  for await (const event of stream) {
    types.push(event.type);
    assert.equal(event.sequence_number, sequence++);
    if (event.type === "response.output_text.delta") text += event.delta;
  }
  assert.equal(text, "on the shelf");
  assert.deepEqual(
    [types[0], types[1], types.at(-1)],
    ["response.created", "response.in_progress", "response.completed"],
  );
  const final = await stream.finalResponse();
  assert.deepEqual(
    final.output.map((item) => (item.type === "function_call" ? item.call_id : item.type)),
    ["message", "call_1", "call_2"],
  );
  assert.equal(final.usage?.total_tokens, 17);
});

test("errors have their shape: what is not done, what is malformed, what the owner refuses, also in a stream", async () => {
  const refused: [object, string][] = [
    [{ input: "?", previous_response_id: "resp_x" }, "previous_response_id"],
    [{ input: "?", store: true }, "store"],
    [{ input: "?", background: true }, "background"],
    [{ input: "?", tools: [{ type: "web_search" }] }, "tools[0].type"],
    [{ input: "?", temperature: 9 }, "temperature"],
    [{ input: "" }, "input"],
    [{ input: [{ role: "system", content: "x" }] }, "input"],
  ];
  for (const [more, param] of refused) {
    const asked = openai.responses.create({ model: MODEL, ...more } as never);
    await assert.rejects(asked, { status: 400, type: "invalid_request_error", param });
  }
  edge.fleet.on(completeChat.path, async () => {
    throw new AppError("RESOURCE_EXHAUSTED", "the budget is spent", { reason: "BUDGET_EXHAUSTED" });
  });
  const spent = openai.responses.create({ model: MODEL, input: "?" });
  await assert.rejects(spent, { status: 429, type: "rate_limit_error", code: "budget_exhausted" });
  edge.fleet.on(streamChat.path, async function* () {
    yield { seq: 1, event: { $case: "started", value: { ...answer, text: "" } } };
    throw new AppError("UNAVAILABLE", "the model is gone", { reason: "PROVIDER_DOWN" });
  } as never);
  const stream = await openai.responses.create({ model: MODEL, input: "?", stream: true });
  await assert.rejects(Array.fromAsync(stream), /the model is gone/);
});
