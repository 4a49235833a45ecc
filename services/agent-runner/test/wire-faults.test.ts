import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { completeOffline, streamOffline } from "@agentmesh/offline-model";
import OpenAI from "openai";
import type { ContentPart, ModelRequest } from "../src/domain/model.ts";
import { openAiCompatible } from "../src/providers/openai-compatible.ts";
import { abilitiesOf, type Preset, presetSchema, presets } from "../src/providers/presets.ts";
import type { CompleteOptions, Provider } from "../src/providers/provider.ts";
import { answers, completes, type Script, type ScriptedUpstream, startUpstream, streams } from "./scripted-upstream.ts";

// An upstream that misbehaves in every way seen in the wild, and the official client beside ours on one that does not.
let upstream: ScriptedUpstream;
let provider: Provider;

before(async () => {
  upstream = await startUpstream();
  provider = open(presetOf("openai"));
});

after(async () => {
  await provider[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

function presetOf(name: string): Preset {
  const preset = presets.find((each) => each.name === name);
  assert.ok(preset, name);
  return preset;
}

function open(preset: Preset, path = "/v1"): Provider {
  return openAiCompatible(preset, { apiKey: "sk-test", baseUrl: `${upstream.origin}${path}`, idleTimeoutMs: 120 });
}

const request: ModelRequest = {
  messages: [
    { role: "system", content: "Be brief." },
    { role: "user", content: "Refunds take five working days. How long does a refund take?" },
  ],
  tools: [],
  output: undefined,
  temperature: 0,
  maxTokens: 100,
};

function ask(more: Partial<CompleteOptions> = {}, from: Provider = provider, asked = request) {
  return from.complete("gpt-4o", asked, { signal: new AbortController().signal, timeoutMs: 2_000, ...more });
}

const delta = (content: object, finish_reason: string | null = null) => ({
  choices: [{ index: 0, delta: content, finish_reason }],
});
const whole = { choices: [{ message: { content: "whole" }, finish_reason: "stop" }] };
const ignore = () => undefined;
const raw =
  (headers: Record<string, string>, ...pieces: string[]): Script =>
  (response) => {
    response.writeHead(200, headers);
    for (const piece of pieces) response.write(piece);
    response.end();
  };

test("an error in a body whose status is 200 is that error", async () => {
  const cases: [unknown, object][] = [
    [{ error: { code: 429, message: "slow down" } }, { code: "RESOURCE_EXHAUSTED", reason: "PROVIDER_RATE_LIMITED" }],
    [{ error: { type: "rate_limit_exceeded", message: "m" } }, { reason: "PROVIDER_RATE_LIMITED" }],
    [{ error: { code: "insufficient_quota", message: "m" } }, { reason: "PROVIDER_QUOTA" }],
    [{ error: { type: "overloaded_error", message: "m" } }, { code: "UNAVAILABLE" }],
    [{ error: { code: "invalid_api_key", message: "m" } }, { reason: "PROVIDER_AUTH" }],
    [{ error: { type: "invalid_request_error", message: "m" } }, { reason: "PROVIDER_REFUSED" }],
    [{ error: "something" }, { code: "UNAVAILABLE", message: /something/ }],
  ];
  for (const [body, expected] of cases) {
    upstream.play(answers(200, body));
    await assert.rejects(ask(), expected, JSON.stringify(body));
    upstream.play(streams([body as object]));
    await assert.rejects(ask({ onText: ignore }), expected, `streamed ${JSON.stringify(body)}`);
  }
});

test("a reply is read as what it is: JSON where a stream was asked for, a stream where none was, a page never", async () => {
  upstream.play(answers(200, whole));
  const heard: string[] = [];
  assert.equal((await ask({ onText: (text) => heard.push(text) })).text, "whole");
  assert.deepEqual(heard, ["whole"]);
  upstream.play(streams([delta({ content: "str" }), delta({ content: "eamed" }, "stop"), "[DONE]"]));
  assert.equal((await ask()).text, "streamed");
  for (const onText of [undefined, ignore]) {
    upstream.play(answers(200, "<html>sign in</html>", { "content-type": "text/html" }));
    await assert.rejects(ask({ onText }), { reason: "PROVIDER_MALFORMED", message: /text\/html/ });
  }
  upstream.play(answers(200, whole, { "content-type": "text/plain" }));
  assert.equal((await ask()).text, "whole");
});

test("JSON that is cut off, and replies of the wrong shape, are a broken upstream", async () => {
  const wrong = [
    JSON.stringify(whole).slice(0, 30),
    { choices: "none" },
    { choices: [{ message: "text" }] },
    { choices: [{ message: { content: 5 } }] },
    { choices: [{ message: { content: "", tool_calls: [{ function: {} }] } }] },
    { choices: [{ message: { content: "", tool_calls: Array.from({ length: 500 }, () => ({})) } }] },
    [],
  ];
  for (const body of wrong) {
    upstream.play(answers(200, body));
    await assert.rejects(ask(), { code: "UNAVAILABLE", reason: "PROVIDER_MALFORMED" }, JSON.stringify(body));
  }
  upstream.play((response) => {
    response.writeHead(200, { "content-type": "application/json", "content-length": "500" });
    response.write('{"choices":[');
    setTimeout(() => response.destroy(), 20);
  });
  await assert.rejects(ask(), { code: "UNAVAILABLE" });
  const hostile = [
    delta({ tool_calls: [{ index: 1e9, function: { name: "f" } }] }),
    delta({ tool_calls: "x" }),
    { choices: 5 },
  ];
  for (const chunk of hostile) {
    upstream.play(streams([chunk, delta({}, "stop")]));
    await assert.rejects(ask({ onText: ignore }), { reason: "PROVIDER_MALFORMED" }, JSON.stringify(chunk));
  }
});

test("what is merely careless is understood", async () => {
  const call = { function: { name: "f", arguments: { a: 1 } } };
  const content = [
    { type: "thinking", thinking: "…" },
    { type: "text", text: "answer" },
  ];
  const usage = { prompt_tokens: Number.NaN, completion_tokens: -3, total_tokens: null };
  upstream.play(answers(200, { choices: [{ message: { content, tool_calls: [call] } }], usage }));
  const reply = await ask();
  assert.deepEqual(
    [reply.text, reply.toolCalls[0]?.id, reply.toolCalls[0]?.function.arguments],
    ["answer", "call_0", '{"a":1}'],
  );
  assert.ok(reply.usage.uncachedInputTokens > 10, "usage that says nothing is counted here");
  const event = JSON.stringify(delta({ content: "é" }, "stop"));
  const bytes = Buffer.from(`: ping\r\n\r\nevent: x\r\ndata:${event}\r\n\r\ndata: [DONE]`);
  upstream.play((response) => {
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
    // Byte by byte: characters and line ends are cut in two.
    for (const byte of bytes) response.write(Buffer.of(byte));
    response.end();
  });
  assert.equal((await ask({ onText: ignore })).text, "é");
});

test("an upstream that drips, falls silent or never ends is left", async () => {
  upstream.play((response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.write("{");
  });
  await assert.rejects(ask(), { code: "DEADLINE_EXCEEDED", message: /fell silent/ });
  upstream.play((response) => {
    response.writeHead(200, { "content-type": "application/json" });
    const drip = setInterval(() => response.write(" "), 20);
    response.on("close", () => clearInterval(drip));
  });
  await assert.rejects(ask({ timeoutMs: 300 }), { code: "DEADLINE_EXCEEDED", reason: "PROVIDER_TIMEOUT" });
  const endless = "x".repeat(2_000_000);
  upstream.play(raw({ "content-type": "text/event-stream" }, `data: ${endless}`));
  await assert.rejects(ask({ onText: ignore }), { reason: "PROVIDER_MALFORMED", message: /more than/ });
  upstream.play((response) => response.socket?.end("HTTP/1.1 2000 nonsense\r\n\r\n"));
  await assert.rejects(ask(), { code: "UNAVAILABLE" });
});

test("a failure whose body is endless or breaks off is still that failure", async () => {
  upstream.play(answers(429, "x".repeat(9 * 1024 * 1024)));
  await assert.rejects(ask(), { code: "RESOURCE_EXHAUSTED", reason: "PROVIDER_RATE_LIMITED" });
  upstream.play((response) => {
    response.writeHead(503, { "content-length": "100" });
    response.write("{");
    setTimeout(() => response.destroy(), 20);
  });
  await assert.rejects(ask(), { code: "UNAVAILABLE", message: /answered 503/ });
});

test("a stream that goes on after its end does not hold the answer up", async () => {
  upstream.play(streams([delta({ content: "done" }, "stop"), "[DONE]"], "hang"));
  const startedAtMs = performance.now();
  assert.equal((await ask({ onText: ignore })).text, "done");
  assert.ok(performance.now() - startedAtMs < 100);
});

test("Retry-After may be a date; an abort within a stream reaches the provider", async () => {
  const at = new Date(Date.now() + 5_000).toUTCString();
  upstream.play(answers(503, {}, { "retry-after": at }));
  await assert.rejects(ask(), (error: Error & { retryAfterMs: number }) => {
    assert.ok(error.retryAfterMs > 2_000 && error.retryAfterMs <= 5_000, String(error.retryAfterMs));
    return true;
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  const abort = new AbortController();
  upstream.play((response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(`data: ${JSON.stringify(delta({ content: "first" }))}\n\n`);
    response.on("close", resolve);
  });
  await assert.rejects(ask({ signal: abort.signal, onText: () => abort.abort() }), { code: "CANCELLED" });
  await promise;
});

test("kept connections: a hundred calls in a row, whole and streamed, take one or two", async () => {
  const sockets = new Set<unknown>();
  const count =
    (script: Script): Script =>
    (response, asked) => {
      sockets.add(response.socket);
      script(response, asked);
    };
  await using own = open(presetOf("openai"));
  for (let n = 0; n < 50; n++) {
    upstream.play(count(completes("hi")));
    await ask({}, own);
    upstream.play(count(streams([delta({ content: "hi" }, "stop"), "[DONE]"])));
    await ask({ onText: ignore }, own);
  }
  assert.ok(sockets.size <= 2, `${sockets.size} connections`);
});

test("a key goes where its provider wants it, beside what the address already says", async () => {
  await using azure = open(presetOf("azure-openai"), "/openai/v1?api-version=1");
  upstream.play(completes("hi"));
  await ask({}, azure);
  assert.equal(upstream.asked[0]?.path, "/openai/v1/chat/completions?api-version=1");
  assert.deepEqual(
    [upstream.asked[0]?.headers["api-key"], upstream.asked[0]?.headers.authorization],
    ["sk-test", undefined],
  );
  const asQuery = presetSchema.parse({ name: "q", auth: { style: "query", name: "key" }, structured: "none" });
  await using query = open(asQuery);
  upstream.play(completes("hi"));
  await ask({}, query);
  assert.equal(upstream.asked[0]?.path, "/v1/chat/completions?key=sk-test");
});

test("there are at least 23 presets, each complete; families say what one model can do", () => {
  assert.ok(presets.length >= 23, String(presets.length));
  assert.equal(new Set(presets.map(({ name }) => name)).size, presets.length);
  for (const preset of presets.filter(({ key, name }) => key && name !== "azure-openai"))
    assert.match(preset.baseUrl, /^https:/);
  const openai = presetOf("openai");
  assert.equal(abilitiesOf(openai, "gpt-4o").vision, true);
  assert.deepEqual(
    [abilitiesOf(openai, "gpt-4o-audio-preview").audio, abilitiesOf(openai, "gpt-3.5-turbo").vision],
    [true, false],
  );
  assert.equal(abilitiesOf(presetOf("perplexity"), "sonar").tools, false);
});

test("pictures and sound go out in the words of chat.completions", async () => {
  const parts: ContentPart[] = [
    { type: "text", text: "what is this?" },
    { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
    { type: "input_audio", input_audio: { data: "AAAA", format: "wav" } },
  ];
  upstream.play(completes("a cat"));
  await ask({}, provider, { ...request, messages: [{ role: "user", content: parts }] });
  assert.deepEqual(JSON.parse(upstream.asked[0]?.body ?? "{}").messages[0].content, parts);
});

// The embedded model behind HTTP: the same endpoint for the official client and for ours.
const embedded: Script = (response, asked) => {
  const body = JSON.parse(asked.body);
  if (!body.stream) return answers(200, completeOffline(body))(response, asked);
  return streams([...streamOffline(body), "[DONE]"])(response, asked);
};

test("the official client and this one read the same from the same endpoint, whole and streamed", async () => {
  const official = new OpenAI({ apiKey: "sk-test", baseURL: `${upstream.origin}/v1`, maxRetries: 0 });
  const tool = {
    type: "function" as const,
    function: {
      name: "kb_search",
      description: "Search the knowledge base",
      parameters: { type: "object", properties: { query: { type: "string" } }, required: ["query"] },
    },
  };
  const withTool: ModelRequest = {
    ...request,
    messages: [
      { role: "system", content: "First search the knowledge base with kb_search." },
      { role: "user", content: "How long does a refund take?" },
    ],
    tools: [tool],
  };
  for (const asked of [request, withTool]) {
    upstream.play(embedded);
    const ours = await ask({}, provider, asked);
    const heard: string[] = [];
    const streamed = await ask({ onText: (text) => heard.push(text) }, provider, asked);
    const params = {
      model: "gpt-4o",
      messages: [...asked.messages] as OpenAI.ChatCompletionMessageParam[],
      temperature: 0,
      max_completion_tokens: 100,
      ...(asked.tools.length > 0 && { tools: [tool] }),
    };
    const theirs = await official.chat.completions.create(params);
    const choice = theirs.choices[0];
    assert.equal(ours.text, choice?.message.content ?? "");
    assert.equal(ours.finish, choice?.finish_reason);
    assert.deepEqual(ours.toolCalls, choice?.message.tool_calls ?? []);
    assert.equal(ours.usage.uncachedInputTokens, theirs.usage?.prompt_tokens);
    assert.equal(ours.usage.outputTokens, theirs.usage?.completion_tokens);
    let text = "";
    const stream = await official.chat.completions.create({ ...params, stream: true });
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
    assert.deepEqual([streamed.text, heard.join("")], [text, text]);
    assert.deepEqual(streamed, ours);
    const [body, officialBody] = [upstream.asked[0], upstream.asked[2]].map((each) => JSON.parse(each?.body ?? "{}"));
    assert.deepEqual(body, officialBody, "both ask in the same words");
  }
});

test("both clients see a failure as the same kind of failure", async () => {
  const official = new OpenAI({ apiKey: "sk-test", baseURL: `${upstream.origin}/v1`, maxRetries: 0 });
  const codes: [number, string, new (...args: never[]) => Error][] = [
    [401, "PROVIDER_AUTH", OpenAI.AuthenticationError],
    [400, "PROVIDER_REFUSED", OpenAI.BadRequestError],
    [429, "PROVIDER_RATE_LIMITED", OpenAI.RateLimitError],
    [500, "PROVIDER_UNAVAILABLE", OpenAI.InternalServerError],
  ];
  for (const [status, reason, type] of codes) {
    upstream.play(answers(status, { error: { message: "no" } }));
    await assert.rejects(ask(), { reason });
    await assert.rejects(official.chat.completions.create({ model: "m", messages: [] }), type);
  }
});
