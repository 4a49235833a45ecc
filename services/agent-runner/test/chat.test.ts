import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "@agentmesh/harness";
import type { LedgerRow } from "@agentmesh/proto/cost";
import { costContract } from "@agentmesh/proto/cost.contract";
import type { ChatCompletion, ChatEvent } from "@agentmesh/proto/runner";
import { everything, startTestMesh, type TestMesh } from "./mesh.ts";
import { answers, completes, never, type ScriptedUpstream, startUpstream, streams } from "./scripted-upstream.ts";

// Plain models: what is sent arrives, money is held and settled, and an attempt is a row whatever became of it.
let stack: AsyncDisposableStack;
let mesh: TestMesh;
let openai: ScriptedUpstream;
let groq: ScriptedUpstream;
let token: string;

const PRIMARY = "openai/gpt-4.1";
const SECOND = "groq/llama-3.3-70b-versatile";
const hello = [{ role: "ROLE_USER" as const, text: "hello" }];

before(async () => {
  stack = new AsyncDisposableStack();
  openai = stack.use(await startUpstream());
  groq = stack.use(await startUpstream());
  mesh = await startTestMesh(stack, {
    cache: false,
    runner: {
      models: {
        default: "embedded/lexical-1",
        retryDelayMs: 10,
        providers: {
          openai: { apiKey: "sk-test", baseUrl: `${openai.origin}/v1` },
          groq: { apiKey: "sk-test", baseUrl: `${groq.origin}/v1` },
        },
      },
      health: { everyMs: 600_000 },
    },
  });
  token = await mesh.callers.token({ permissions: everything, subject: "user:ada", department: "support" });
});

after(() => stack.disposeAsync());

async function ledgerOf({ id }: Pick<ChatCompletion, "id">): Promise<LedgerRow[]> {
  const cost = await mesh.callers.client(costContract, mesh.cost.port);
  return (await cost.listLedger({ runId: id }, { token })).rows;
}

test("messages, tools, their choice, the format and the sampling reach the model; its call comes back", async () => {
  openai.play(completes(null, [["lookup", '{"id":1}']]));
  const reply = await mesh.runner.completeChat(
    {
      model: PRIMARY,
      messages: [
        { role: "ROLE_SYSTEM", text: "be brief" },
        { role: "ROLE_USER", text: "where is it?" },
        { role: "ROLE_ASSISTANT", toolCalls: [{ id: "c0", name: "lookup", arguments: '{"id":0}' }] },
        { role: "ROLE_TOOL", toolCallId: "c0", text: "nothing" },
      ],
      tools: [{ name: "lookup", description: "finds", parameters: { type: "object" } }],
      toolChoice: { mode: "MODE_TOOL", tool: "lookup" },
      format: { type: "TYPE_JSON_SCHEMA", name: "place", schema: { type: "object" } },
      sampling: { temperature: 0, topP: 0.5, seed: 7, stop: ["END"], parallelToolCalls: false },
      maxTokens: 50,
    },
    { token },
  );
  const sent = JSON.parse(openai.asked[0]?.body ?? "{}");
  assert.deepEqual(
    sent.messages.map(({ role }: { role: string }) => role),
    ["system", "user", "assistant", "tool"],
  );
  assert.equal(sent.messages[2].tool_calls[0].function.name, "lookup");
  assert.deepEqual(
    [sent.temperature, sent.top_p, sent.seed, sent.stop, sent.parallel_tool_calls, sent.max_completion_tokens],
    [0, 0.5, 7, ["END"], false, 50],
  );
  assert.deepEqual(sent.tool_choice, { type: "function", function: { name: "lookup" } });
  assert.equal(sent.response_format.json_schema.name, "place");
  assert.deepEqual(reply.toolCalls, [{ id: "call_0", name: "lookup", arguments: '{"id":1}' }]);
  assert.deepEqual([reply.finish, reply.model, reply.usage?.modelCalls], ["tool_calls", PRIMARY, 1]);
  assert.ok((reply.usage?.costNanoUsd ?? 0n) > 0n);
  const [row, ...more] = await ledgerOf(reply);
  assert.deepEqual([row?.kind, row?.charge?.agent, more.length], ["settled", `model:${PRIMARY}`, 0]);
  assert.equal(row?.costNanoUsd, reply.usage?.costNanoUsd);
});

test("what a caller leaves to the provider is not sent", async () => {
  openai.play(completes("hi"));
  await mesh.runner.completeChat({ model: PRIMARY, messages: hello }, { token });
  assert.deepEqual(Object.keys(JSON.parse(openai.asked[0]?.body ?? "{}")).sort(), [
    "max_completion_tokens",
    "messages",
    "model",
  ]);
});

test("when a model fails the next one answers, and each attempt is a row of the ledger", async () => {
  openai.play(answers(500, { error: { message: "down" } }));
  groq.play(completes("from the second"));
  const reply = await mesh.runner.completeChat(
    { model: PRIMARY, messages: hello, fallbacks: [SECOND] },
    { token, timeoutMs: 10_000 },
  );
  assert.deepEqual([reply.text, reply.model], ["from the second", SECOND]);
  assert.match(reply.modelChoices[0]?.reason ?? "", /PROVIDER_UNAVAILABLE/);
  const rows = await ledgerOf(reply);
  assert.deepEqual([rows.length, new Set(rows.map(({ attemptId }) => attemptId)).size], [5, 5], "4 tries, then 1");
});

const piece = (content: string) => ({ choices: [{ index: 0, delta: { content }, finish_reason: null }] });

test("a stream has its text in pieces, its calls whole, and its usage at the end", async () => {
  const call = (more: object) => ({
    choices: [{ index: 0, delta: { tool_calls: [{ index: 0, ...more }] }, finish_reason: null }],
  });
  groq.play(
    streams([
      piece("one "),
      piece("two"),
      call({ id: "c1", function: { name: "look", arguments: '{"a"' } }),
      call({ function: { arguments: ":1}" } }),
      {
        choices: [{ index: 0, delta: {}, finish_reason: "tool_calls" }],
        usage: { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 },
      },
      "[DONE]",
    ]),
  );
  const events: ChatEvent[] = await Array.fromAsync(
    mesh.runner.streamChat({ model: SECOND, messages: hello, tools: [{ name: "look" }] }, { token }),
  );
  assert.deepEqual(
    events.map(({ seq, event }) => [seq, event?.$case]),
    [
      [1, "started"],
      [2, "textDelta"],
      [3, "textDelta"],
      [4, "toolCall"],
      [5, "ended"],
    ],
  );
  assert.deepEqual(events[3]?.event?.value, { id: "c1", name: "look", arguments: '{"a":1}' });
  const last = events.at(-1)?.event;
  assert.equal(last?.$case === "ended" && last.value.usage?.uncachedInputTokens, 9n);
});

test("a reader who leaves ends the call, and what was read and written until then is in the ledger", async () => {
  groq.play(streams([piece("half an answer ".repeat(20))], "hang"));
  let id = "";
  for await (const { event } of mesh.runner.streamChat({ model: SECOND, messages: hello }, { token })) {
    if (event?.$case === "started") id = event.value.id;
    if (event?.$case === "textDelta") break;
  }
  const rows = await eventually(
    async () => {
      const found = await ledgerOf({ id });
      return found.length > 0 && found;
    },
    { what: "the row of the call that was left" },
  );
  assert.deepEqual([rows.length, rows[0]?.kind], [1, "settled"]);
  assert.ok((rows[0]?.outputTokens ?? 0n) > 0n && (rows[0]?.uncachedInputTokens ?? 0n) > 0n);
});

test("what cannot be asked is refused by name", async () => {
  const refusal = async (request: object) => {
    const error = await mesh.runner
      .completeChat({ model: PRIMARY, messages: hello, ...request }, { token })
      .catch((cause) => cause);
    return [error.code, error.reason, error.field];
  };
  assert.deepEqual(await refusal({ model: "nobody/x" }), ["INVALID_ARGUMENT", "UNKNOWN_PROVIDER", "model"]);
  assert.deepEqual(await refusal({ model: "mistral/x" }), ["FAILED_PRECONDITION", "PROVIDER_OFF", "model"]);
  assert.deepEqual(await refusal({ messages: [] }), ["INVALID_ARGUMENT", "BAD_CHAT", "messages"]);
  assert.deepEqual(await refusal({ messages: [{ text: "x" }] }), ["INVALID_ARGUMENT", "BAD_CHAT", "messages[0].role"]);
  assert.deepEqual(await refusal({ toolChoice: { mode: "MODE_REQUIRED" } }), [
    "INVALID_ARGUMENT",
    "BAD_CHAT",
    "tool_choice",
  ]);
  const strange = await mesh.callers.token({ permissions: ["agent:read"], subject: "user:eve" });
  await assert.rejects(mesh.runner.completeChat({ model: PRIMARY, messages: hello }, { token: strange }), {
    code: "PERMISSION_DENIED",
  });
  groq.play(never);
});

test("the embedded model chooses tools and fills schemas", async () => {
  const reply = await mesh.runner.completeChat(
    {
      model: "default",
      messages: [{ role: "ROLE_USER", text: "My name is Ada Lovelace and I want a refund" }],
      format: {
        type: "TYPE_JSON_SCHEMA",
        name: "wish",
        schema: { type: "object", properties: { wish: { enum: ["refund", "repair"] } }, required: ["wish"] },
      },
    },
    { token },
  );
  assert.deepEqual([JSON.parse(reply.text).wish, reply.model], ["refund", "embedded/lexical-1"]);
});

test("a conversation goes on after its newest turn only, and an agent without sessions runs without one", async () => {
  const ask = (agent: string, afterRun: string, session = "s") =>
    mesh.runner.runAgent({ agent, text: "hello", session, afterRun, sessionIfKept: true }, { token });
  for (const [name, memory] of [
    ["keeping", {}],
    ["forgetting", { session: false }],
  ] as const) {
    await mesh.runner.applyResource({ kind: "Agent", name, spec: { instructions: "answer", memory } }, { token });
  }
  const first = await ask("keeping", "");
  const second = await ask("keeping", first.id);
  assert.deepEqual([second.state, second.session], ["STATE_SUCCEEDED", "s"]);
  const late = await ask("keeping", first.id);
  assert.deepEqual([late.state, late.failure?.code], ["STATE_FAILED", "SESSION_MOVED_ON"]);
  const alone = await ask("forgetting", "");
  assert.deepEqual([alone.state, alone.session], ["STATE_SUCCEEDED", ""]);
});
