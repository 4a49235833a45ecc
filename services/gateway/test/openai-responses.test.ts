// The official client's responses against the edge, with the runner's contract behind it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "@agentmesh/harness";
import { AgentRunEvent } from "@agentmesh/proto/runner";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import OpenAI from "openai";
import { pipelineStages } from "../src/pipeline/pipeline.ts";
import { startEdge, type TestEdge } from "./edge.ts";

let edge: TestEdge;
let openai: OpenAI;
const { runAgent, streamAgent, getAgentRun, cancelAgentRun } = runnerContract.methods;

before(async () => {
  edge = await startEdge();
  openai = new OpenAI({ baseURL: `http://127.0.0.1:${edge.gateway.httpPort}/v1`, apiKey: "admin", maxRetries: 0 });
});
after(() => edge[Symbol.asyncDispose]());

const RUN = "019bfd9e-0000-7000-8000-000000000001";
const run = {
  id: RUN,
  agent: "desk",
  state: "STATE_SUCCEEDED",
  text: "It was charged twice.",
  model: "embedded/lexical-1",
  session: "s-1",
  startedAt: new Date("2026-11-20T10:00:00Z"),
  endedAt: new Date("2026-11-20T10:00:01Z"),
  usage: { uncachedInputTokens: 10n, cacheReadTokens: 5n, cacheWriteTokens: 2n, outputTokens: 7n, reasoningTokens: 3n },
};
const ID = `resp_${RUN}_${Buffer.from("s-1").toString("base64url")}`;

function lastRequest(path: string) {
  return edge.fleet.calls.findLast((call) => call.path === path)?.request as Record<string, unknown>;
}

test("a response is a run of the agent with instructions and input, in a new session", async () => {
  edge.fleet.on(runAgent.path, async () => run);
  edge.exchanges.length = 0;
  const response = await openai.responses.create({
    model: "agent:desk",
    instructions: "Be short.",
    input: "Was I charged twice?",
    metadata: { ticket: "T1" },
  });
  assert.deepEqual(
    [response.output_text, response.status, response.id, response.model, response.error],
    [run.text, "completed", ID, "agent:desk", null],
  );
  assert.deepEqual(response.usage, {
    input_tokens: 17,
    input_tokens_details: { cached_tokens: 5, cache_write_tokens: 2 },
    output_tokens: 10,
    output_tokens_details: { reasoning_tokens: 3 },
    total_tokens: 27,
  });
  const asked = lastRequest(runAgent.path);
  assert.deepEqual([asked.text, asked.labels, asked.sessionIfKept], ["Was I charged twice?", { ticket: "T1" }, true]);
  assert.deepEqual(asked.history, [{ speaker: "SPEAKER_SYSTEM", text: "Be short." }]);
  assert.match(String(asked.session), /^[0-9a-f-]{36}$/);
  assert.deepEqual(
    edge.exchanges[0]?.passed,
    pipelineStages.map(([name]) => name),
    "the same stages as any other call",
  );
});

test("input may be items, which may be a conversation with images", async () => {
  await openai.responses.create({
    model: "agent:desk",
    store: false,
    input: [
      { role: "developer", content: "Be short." },
      { role: "user", content: "Hello" },
      { type: "message", role: "assistant", content: [{ type: "output_text", text: "Hi", annotations: [] }] } as never,
      {
        role: "user",
        content: [
          { type: "input_text", text: "And this?" },
          { type: "input_image", image_url: "data:image/png;base64,AAEC", detail: "auto" },
        ],
      },
    ],
  });
  const asked = lastRequest(runAgent.path);
  assert.deepEqual([asked.text, asked.session, (asked.parts as unknown[]).length], ["And this?", "", 1]);
  assert.deepEqual(asked.history, [
    { speaker: "SPEAKER_SYSTEM", text: "Be short." },
    { speaker: "SPEAKER_USER", text: "Hello" },
    { speaker: "SPEAKER_ASSISTANT", text: "Hi" },
  ]);
});

test("a conversation goes on by the response before or by its name", async () => {
  await openai.responses.create({ model: "agent:desk", input: "And then?", previous_response_id: ID });
  const next = lastRequest(runAgent.path);
  assert.deepEqual([next.session, next.afterRun, next.sessionIfKept], ["s-1", RUN, false]);
  await openai.responses.create({ model: "agent:desk", input: "And then?", conversation: "mine" });
  assert.deepEqual([lastRequest(runAgent.path).session, lastRequest(runAgent.path).afterRun], ["mine", ""]);
  const alone = openai.responses.create({ model: "agent:desk", input: "?", previous_response_id: `resp_${RUN}` });
  await assert.rejects(alone, { status: 400, param: "previous_response_id", message: /was not kept/ });
  edge.fleet.on(runAgent.path, async () => ({
    ...run,
    state: "STATE_FAILED",
    failure: { code: "SESSION_MOVED_ON", message: "not the newest turn" },
  }));
  const late = openai.responses.create({ model: "agent:desk", input: "?", previous_response_id: ID });
  await assert.rejects(late, { code: "session_moved_on", param: "previous_response_id" });
});

type Ended = { state?: string; text?: string; failure?: object };

function streamOf(ended: Ended) {
  return async function* () {
    yield { runId: RUN, seq: 1, event: { $case: "started", value: { ...run, state: "STATE_RUNNING", text: "" } } };
    for (const [index, value] of ["It was ", "charged ", "twice."].entries()) {
      yield { runId: RUN, seq: index + 2, event: { $case: "textDelta", value } };
    }
    yield { runId: RUN, seq: 5, event: { $case: "ended", value: { ...run, ...ended } } };
  } as never;
}

test("a stream has OpenAI's events in their order, and the client assembles the response from them", async () => {
  edge.fleet.on(streamAgent.path, streamOf({}));
  const events = await Array.fromAsync(
    await openai.responses.create({ model: "agent:desk", input: "Was I charged twice?", stream: true }),
  );
  const types = events.map(({ type }) => type);
  assert.deepEqual(types.slice(0, 4), [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
  ]);
  assert.deepEqual(types.slice(-4), [
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
  ]);
  assert.deepEqual(
    events.map((event) => event.sequence_number),
    events.map((_, index) => index),
  );
  const deltas = events.map((event) => (event.type === "response.output_text.delta" ? event.delta : ""));
  assert.equal(deltas.join(""), run.text);
  assert.equal(lastRequest(streamAgent.path).cancelOnDisconnect, true);
  const assembled = await openai.responses.stream({ model: "agent:desk", input: "?" }).finalResponse();
  assert.deepEqual([assembled.output_text, assembled.id], [run.text, ID]);
});

test("a run that fails ends its stream as a failed response, one that breaks off as an error", async () => {
  edge.fleet.on(
    streamAgent.path,
    streamOf({ state: "STATE_FAILED", failure: { code: "INVALID_OUTPUT", message: "no valid output" } }),
  );
  const events = await Array.fromAsync(
    await openai.responses.create({ model: "agent:desk", input: "?", stream: true }),
  );
  const last = events.at(-1);
  assert.ok(last?.type === "response.failed");
  assert.deepEqual([last.response.status, last.response.error?.code], ["failed", "invalid_output"]);
  edge.fleet.on(streamAgent.path, async function* () {
    yield AgentRunEvent.fromPartial({ runId: RUN, seq: 1, event: { $case: "started", value: run as never } });
    yield AgentRunEvent.fromPartial({ runId: RUN, seq: 2, event: { $case: "restarted", value: {} } });
  } as never);
  const broken = await openai.responses.create({ model: "agent:desk", input: "?", stream: true });
  await assert.rejects(Array.fromAsync(broken), { code: "restarted" });
});

test("a response in the background is read and cancelled by its id", async () => {
  edge.fleet.on(runAgent.path, async () => ({ ...run, state: "STATE_RUNNING", text: "" }));
  const begun = await openai.responses.create({ model: "agent:desk", input: "?", background: true });
  assert.deepEqual([begun.status, begun.output, lastRequest(runAgent.path).detached], ["in_progress", [], true]);
  edge.fleet.on(getAgentRun.path, async () => run);
  const read = await openai.responses.retrieve(begun.id);
  assert.deepEqual([read.status, read.output_text, lastRequest(getAgentRun.path).id], ["completed", run.text, RUN]);
  edge.fleet.on(cancelAgentRun.path, async () => ({ run: { ...run, state: "STATE_CANCELLED" } }));
  assert.equal((await openai.responses.cancel(begun.id)).status, "cancelled");
});

test("what an agent cannot do is refused by name, before anything runs", async () => {
  const calls = edge.fleet.calls.length;
  const refusal = async (more: object) => {
    const error = await openai.responses.create({ model: "agent:desk", input: "?", ...more }).catch((cause) => cause);
    return [error.status, error.code, error.param];
  };
  const tool = { type: "function", name: "f", parameters: {}, strict: true };
  assert.deepEqual(await refusal({ tools: [tool] }), [400, "unsupported", "tools"]);
  assert.deepEqual(await refusal({ model: "gpt-4.1" }), [404, "model_not_found", "model"]);
  assert.deepEqual(await refusal({ input: "" }), [400, "bad_request", "input"]);
  assert.deepEqual(await refusal({ input: [{ type: "function_call_output", call_id: "c", output: "x" }] }), [
    400,
    "bad_request",
    "input",
  ]);
  assert.deepEqual(await refusal({ previous_response_id: "resp_../x" }), [400, "bad_request", "previous_response_id"]);
  assert.deepEqual(await refusal({ text: { format: { type: "json_object" } } }), [400, "unsupported", "text"]);
  assert.equal(
    edge.fleet.calls.slice(calls).some(({ path }) => path.includes("Agent")),
    false,
  );
});

test("a reader who leaves ends the run", async () => {
  let ended = false;
  edge.fleet.on(streamAgent.path, async function* (_request: never, call: { signal: AbortSignal }) {
    yield { runId: RUN, seq: 1, event: { $case: "started", value: run } };
    await new Promise((resolve) => call.signal.addEventListener("abort", resolve));
    ended = true;
  } as never);
  for await (const _ of await openai.responses.create({ model: "agent:desk", input: "?", stream: true })) break;
  await eventually(() => ended, { what: "the runner to hear of it" });
});
