// The mesh in the words of others: OpenAI's client, MCP and A2A reach real agents and a plain model.
import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "@agentmesh/harness";
import OpenAI from "openai";
import { adminClient, testMesh } from "./mesh.ts";

test("an agent and a model answer on every surface, and all of it is in the ledger", { timeout: 240_000 }, async () => {
  await using mesh = await testMesh();
  await using client = await adminClient(mesh);
  const instructions = "Answer in one sentence.";
  await client.runner.applyResource({ kind: "Agent", name: "desk", spec: { instructions } });
  const { secret } = await client.auth.createApiKey({ name: "surfaces" });
  const openai = new OpenAI({ baseURL: `${mesh.httpUrl}/v1`, apiKey: secret, maxRetries: 0 });

  const question = "Refunds take five days. How long do refunds take?";
  const first = await openai.responses.create({ model: "agent:desk", input: question });
  assert.match(first.output_text, /five days/);
  const more = { model: "agent:desk", input: "And how long in short?", previous_response_id: first.id };
  const next = await openai.responses.create(more);
  assert.equal(next.status, "completed");
  await assert.rejects(openai.responses.create(more), { code: "session_moved_on" });
  const events = await Array.fromAsync(
    await openai.responses.create({ ...more, previous_response_id: next.id, stream: true }),
  );
  assert.equal(events.at(-1)?.type, "response.completed");
  assert.equal((await openai.responses.retrieve(first.id)).output_text, first.output_text);

  const messages = [{ role: "user" as const, content: question }];
  const plain = await openai.chat.completions.create({ model: "default", messages });
  assert.match(plain.choices[0]?.message.content ?? "", /five days/);
  const stream = openai.chat.completions.stream({
    model: "default",
    messages,
    stream_options: { include_usage: true },
  });
  const streamed = await stream.finalChatCompletion();
  assert.equal(streamed.choices[0]?.message.content, plain.choices[0]?.message.content);
  const runId = plain.id.replace("chatcmpl-", "");
  await eventually(async () => (await client.cost.listLedger({ runId })).rows.length === 1, { what: "its ledger row" });

  const post = async (path: string, method: string, params: object) => {
    const response = await fetch(`${mesh.httpUrl}${path}`, {
      method: "POST",
      headers: { "x-api-key": secret, "content-type": "application/json", "a2a-version": "1.0" },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
    });
    return JSON.stringify(await response.json());
  };
  assert.match(await post("/mcp", "tools/list", {}), /agent_desk/);
  assert.match(await post("/mcp", "tools/call", { name: "agent_desk", arguments: { text: question } }), /five days/);
  const message = { messageId: "1", role: "ROLE_USER", parts: [{ text: question }] };
  assert.match(await post("/a2a/desk", "SendMessage", { message }), /TASK_STATE_COMPLETED.*five days/);
});
