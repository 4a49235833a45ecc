import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "@agentmesh/harness";
import { costContract } from "@agentmesh/proto/cost.contract";
import { type AgentRun, AgentRun_State } from "@agentmesh/proto/runner";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import { everything, startTestMesh, type TestMesh } from "./mesh.ts";
import { answers, completes, type Script, type ScriptedUpstream, startUpstream, streams } from "./scripted-upstream.ts";

// Which model answers, and how well: fallbacks, choice by complexity, shared breakers, health, media, batches, scores.
let stack: AsyncDisposableStack;
let mesh: TestMesh;
let openai: ScriptedUpstream;
let groq: ScriptedUpstream;
let token: string;

const PRIMARY = "openai/gpt-4.1";
const SECOND = "groq/llama-3.3-70b-versatile";
const fast = { limits: { turns: 3, timeoutMs: 1_000, retries: 0 }, cache: { mode: "off" } };

before(async () => {
  stack = new AsyncDisposableStack();
  openai = stack.use(await startUpstream());
  groq = stack.use(await startUpstream());
  mesh = await startTestMesh(stack, {
    runner: {
      models: {
        default: "embedded/lexical-1",
        retryDelayMs: 10,
        providers: {
          openai: { apiKey: "sk-test", baseUrl: `${openai.origin}/v1` },
          groq: { apiKey: "sk-test", baseUrl: `${groq.origin}/v1` },
        },
      },
      pool: { places: 4, queue: 100 },
      health: { everyMs: 50, timeoutMs: 1_000, failures: 3 },
    },
  });
  token = await mesh.callers.token({ permissions: everything, subject: "user:ada", department: "support" });
});

after(() => stack.disposeAsync());

function apply(name: string, spec: object) {
  return mesh.runner.applyResource({ kind: "Agent", name, spec: { instructions: "answer", ...spec } }, { token });
}

async function run(agent: string, text: string, more: object = {}): Promise<AgentRun> {
  return mesh.runner.runAgent({ agent, text, ...more }, { token });
}

/** For calls only: a probe is answered as by a provider that is well. */
function chat(script: Script): Script {
  return (response, asked) => (asked.path.endsWith("completions") ? script : answers(200, {}))(response, asked);
}

const choicesOf = ({ modelChoices }: AgentRun) => modelChoices.map(({ model, reason }) => `${model}: ${reason}`);

async function read(path: string, port = mesh.running.adminPort): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}${path}`)).text();
}

test("when a model fails the next one answers, and the run says why; both attempts are in the ledger", async () => {
  await apply("chained", { model: PRIMARY, fallbacks: [SECOND, "embedded/lexical-1"], ...fast });
  openai.play(chat(answers(500, { error: { message: "down" } })));
  groq.play(chat(completes("from the second")));
  const ended = await run("chained", "hello");
  assert.equal(ended.state, AgentRun_State.SUCCEEDED, ended.failure?.message);
  assert.deepEqual([ended.text, ended.model], ["from the second", SECOND]);
  assert.deepEqual(choicesOf(ended), [`${SECOND}: ${PRIMARY} failed: PROVIDER_UNAVAILABLE`]);
  const cost = await mesh.callers.client(costContract, mesh.cost.port);
  const rows = (await cost.listLedger({ runId: ended.id }, { token })).rows;
  assert.deepEqual(rows.map(({ provider }) => provider).sort(), ["groq", "openai"]);
  groq.play(chat(answers(429, {})));
  assert.equal((await run("chained", "Refunds take five days. How long do refunds take?")).model, "embedded/lexical-1");
});

test("a reader who has heard the first model never hears a second one", async () => {
  await apply("streamed", { model: PRIMARY, fallbacks: [SECOND], ...fast, limits: { ...fast.limits, retries: 2 } });
  const half = { choices: [{ index: 0, delta: { content: "half an answer, ".repeat(60) }, finish_reason: null }] };
  openai.play(chat(streams([half], "cut")));
  groq.play(chat(completes("another")));
  const stream = mesh.runner.streamAgent({ agent: "streamed", text: "hello", noCache: true }, { token });
  let last: AgentRun | undefined;
  for await (const { event } of stream) if (event?.$case === "ended") last = event.value;
  assert.equal(last?.state, AgentRun_State.FAILED);
  const chats = (upstream: ScriptedUpstream) =>
    upstream.asked.filter(({ path }) => path.endsWith("completions")).length;
  assert.deepEqual([chats(openai), chats(groq)], [1, 0]);
});

test("a simple task goes to the cheap model, a hard one to the strong one, with the score as the reason", async () => {
  await apply("choosing", { modelChoice: { simple: SECOND, complex: PRIMARY, threshold: 0.4 }, ...fast });
  openai.play(chat(completes("strong")));
  groq.play(chat(completes("cheap")));
  const simple = await run("choosing", "When are you open?");
  assert.deepEqual([simple.text, simple.model], ["cheap", SECOND]);
  assert.match(choicesOf(simple)[0] ?? "", /complexity 0\.\d+ is below 0\.4/);
  const hard = await run(
    "choosing",
    "Compare both designs, explain the trade-offs and analyse the root cause. It must not lose a write unless a region is gone, and should always answer before at least two copies exist. Why? What would you plan? Which one? Prove it: quorum >= 2;",
  );
  assert.deepEqual([hard.text, hard.model], ["strong", PRIMARY]);
  assert.match(choicesOf(hard)[0] ?? "", /is not below 0\.4/);
});

test("pictures and sound reach a model that takes them, and are refused by name where none does", async () => {
  const image = {
    part: { $case: "image" as const, value: { mimeType: "image/png", data: Buffer.from("png"), url: "" } },
  };
  const audio = {
    part: { $case: "audio" as const, value: { mimeType: "audio/wav", data: Buffer.from("wav"), url: "" } },
  };
  const text = { part: { $case: "text" as const, value: "what is this?" } };
  await apply("seeing", { model: PRIMARY, ...fast });
  openai.play(chat(completes("a cat")));
  const ended = await run("seeing", "", { parts: [text, image] });
  assert.equal(ended.text, "a cat", ended.failure?.message);
  assert.ok((ended.usage?.costNanoUsd ?? 0n) > 0n);
  const asked = openai.asked.find(({ path }) => path.endsWith("completions"));
  assert.deepEqual(JSON.parse(asked?.body ?? "{}").messages.at(-1).content, [
    { type: "text", text: "what is this?" },
    { type: "image_url", image_url: { url: `data:image/png;base64,${Buffer.from("png").toString("base64")}` } },
  ]);
  const unsupported = { code: "INVALID_ARGUMENT", reason: "UNSUPPORTED_BY_MODEL", field: "parts" };
  await assert.rejects(run("seeing", "listen", { parts: [audio] }), {
    ...unsupported,
    message: /gpt-4\.1 does not take audio/,
  });
  await apply("remembering", { model: PRIMARY });
  const cat = await run("remembering", "what is this?", { parts: [image] });
  const again = () => run("remembering", "what is this?", { parts: [image] });
  await eventually(() => again().then(({ cache }) => cache === "l1"), { what: "a hit for the same picture" });
  const other = {
    part: { $case: "image" as const, value: { mimeType: "image/png", data: Buffer.from("dog"), url: "" } },
  };
  const dog = await run("remembering", "what is this?", { parts: [other] });
  assert.deepEqual([cat.cache, dog.cache], ["none", "none"]);
  await apply("blind", { model: "embedded/lexical-1" });
  await assert.rejects(run("blind", "look", { parts: [image] }), {
    ...unsupported,
    message: /lexical-1 does not take images/,
  });
  await apply("helped", { model: "embedded/lexical-1", fallbacks: [PRIMARY], ...fast });
  const helped = await run("helped", "look", { parts: [image] });
  assert.deepEqual(
    [helped.model, choicesOf(helped)],
    [PRIMARY, [`${PRIMARY}: embedded/lexical-1: UNSUPPORTED_BY_MODEL`]],
  );
  const bad = { part: { $case: "image" as const, value: { mimeType: "image/tiff", data: Buffer.from("x"), url: "" } } };
  await assert.rejects(run("seeing", "look", { parts: [bad] }), {
    reason: "UNKNOWN_MEDIA_TYPE",
    field: "parts[0].image.mime_type",
  });
  const http = {
    part: { $case: "image" as const, value: { mimeType: "", data: new Uint8Array(), url: "http://x/y" } },
  };
  await assert.rejects(run("seeing", "look", { parts: [http] }), { reason: "BAD_PART", message: /https URL/ });
});

test("a batch answers in input order, runs equal inputs once, and one failure fails nothing else", async () => {
  await apply("batched", { model: PRIMARY, ...fast });
  openai.play((response, asked) => {
    if (!asked.path.endsWith("completions")) return answers(200, {})(response, asked);
    const text: string = JSON.parse(asked.body).messages.at(-1).content;
    return (text.includes("bad") ? answers(400, { error: { message: "no" } }) : completes(`re: ${text}`))(
      response,
      asked,
    );
  });
  const inputs = ["one", "two", "one", "bad", "three", " two "].map((text) => ({ text }));
  const batch = { agent: "batched", inputs: [...inputs, { text: "", input: { n: 1 } }, {}], labels: { job: "j" } };
  const { results, computed } = await mesh.runner.runAgentBatch(batch, { token });
  const texts = results.map(({ run: ended, failure }) => ended?.text || failure?.code);
  assert.deepEqual(texts, [
    "re: one",
    "re: two",
    "re: one",
    "PROVIDER_REFUSED",
    "re: three",
    "re: two",
    're: {"n":1}',
    "NO_INPUT",
  ]);
  assert.equal(computed, 6);
  assert.equal(results[0]?.run?.id, results[2]?.run?.id);
  assert.equal(results[0]?.run?.labels.job, "j");
  const empty = mesh.runner.runAgentBatch({ agent: "batched", inputs: [] }, { token });
  await assert.rejects(empty, { reason: "BATCH_SIZE" });
  const many = { agent: "batched", inputs: Array.from({ length: 1_001 }, () => ({ text: "x" })) };
  await assert.rejects(mesh.runner.runAgentBatch(many, { token }), { reason: "BATCH_SIZE" });
});

test("a thousand inputs, ten at a time, of which a hundred differ, are a hundred runs", async () => {
  await apply("bulk", { model: "embedded/lexical-1" });
  const inputs = Array.from({ length: 1_000 }, (_, n) => ({ text: `Refund ${n % 100} takes five days. How long?` }));
  const { results, computed } = await mesh.runner.runAgentBatch(
    { agent: "bulk", inputs },
    { token, timeoutMs: 60_000 },
  );
  assert.equal(computed, 100);
  assert.ok(results.every(({ run: ended, failure }) => ended && !failure));
  assert.equal(new Set(results.map(({ run: ended }) => ended?.id)).size, 100);
});

test("a batch runs as many inputs at a time as its agent says, and fewer where the request asks for fewer", async () => {
  await apply("narrow", { model: SECOND, ...fast, batch: { size: 3 } });
  let open = 0;
  let most = 0;
  groq.play(
    chat((response, asked) => {
      open += 1;
      most = Math.max(most, open);
      setTimeout(() => {
        open -= 1;
        completes("fine")(response, asked);
      }, 10);
    }),
  );
  const inputs = Array.from({ length: 12 }, (_, n) => ({ text: `${n}` }));
  await mesh.runner.runAgentBatch({ agent: "narrow", inputs, concurrency: 50 }, { token });
  assert.equal(most, 3);
  most = 0;
  await mesh.runner.runAgentBatch({ agent: "narrow", inputs, concurrency: 2 }, { token });
  assert.equal(most, 2);
});

test("every answer has a score; a judge's is part of it; a judge that fails changes nothing", async () => {
  await apply("judge", {
    model: SECOND,
    instructions: "score the answer",
    output: {
      type: "object",
      properties: { score: { type: "number" }, reason: { type: "string" } },
      required: ["score"],
    },
    ...fast,
  });
  await apply("judged", { model: PRIMARY, quality: { judge: "judge" }, ...fast });
  openai.play(chat(completes("A refund reaches the card within five working days.")));
  groq.play(chat(completes('{"score":0.5,"reason":"no source"}')));
  const ended = await run("judged", "How long does a refund take?");
  assert.equal(ended.quality?.score, 0.75);
  assert.deepEqual(ended.quality?.checks.at(-1), { name: "judge", score: 0.5, detail: "no source" });
  assert.deepEqual((await mesh.runner.getAgentRun({ id: ended.id }, { token })).quality, ended.quality);
  const [judgement] = (await mesh.runner.listAgentRuns({ agent: "judge" }, { token })).runs;
  assert.equal(judgement?.labels.judges, ended.id);
  groq.play(chat(answers(400, {})));
  const unjudged = await run("judged", "How long does it take?");
  assert.equal(unjudged.quality?.score, 1);
  assert.match(unjudged.quality?.checks.at(-1)?.detail ?? "", /not judged: PROVIDER_REFUSED/);
  openai.play(chat(completes("I'm sorry, but I can't help with that.")));
  groq.play(chat(completes('{"score":0}')));
  assert.ok(((await run("judged", "again?")).quality?.score ?? 1) <= 0.1);
  await assert.rejects(apply("self", { quality: { judge: "self" } }), { reason: "JUDGES_ITSELF" });
  assert.match(await read("/metrics"), /agentmesh_agent_run_quality_count\{[^}]*agent="judged"[^}]*\} 3/);
});

test("users rate runs; a further rating replaces the last one of its user; other tenants have nothing to rate", async () => {
  await apply("rated", { model: "embedded/lexical-1" });
  const { id } = await run("rated", "Refunds take five days. How long?");
  const rate = (score: number, as = token) =>
    mesh.runner.rateAgentRun({ runId: id, score, comment: "ok" }, { token: as });
  await rate(0.2);
  assert.deepEqual(await rate(1), { ratings: 1, average: 1 });
  const bob = await mesh.callers.token({ permissions: everything, subject: "user:bob" });
  assert.deepEqual(await rate(0.5, bob), { ratings: 2, average: 0.75 });
  await assert.rejects(rate(1.5), { code: "INVALID_ARGUMENT", field: "score" });
  await assert.rejects(rate(Number.NaN), { field: "score" });
  const foreign = await mesh.callers.token({ permissions: everything, tenant: "globex", subject: "user:eve" });
  await assert.rejects(rate(0, foreign), { code: "NOT_FOUND" });
});

test("a breaker that opens on one replica is open on the other", async () => {
  const second = stack.use(await mesh.startRunner());
  const other = await mesh.callers.client(runnerContract, second.port);
  await apply("broken", { model: "openai/gpt-4.1-nano", ...fast });
  openai.play(chat(answers(500, {})));
  for (let n = 0; n < 5; n++) assert.equal((await run("broken", "hi")).failure?.code, "PROVIDER_UNAVAILABLE");
  assert.equal((await run("broken", "hi")).failure?.code, "BREAKER_OPEN");
  await eventually(
    () =>
      read("/metrics", second.adminPort).then((text) =>
        /breaker_open\{model="openai\/gpt-4.1-nano"[^}]*\} 1/.test(text),
      ),
    {
      what: "the other replica to follow",
    },
  );
  const ended = await other.runAgent({ agent: "broken", text: "hi" }, { token });
  assert.equal(ended.failure?.code, "BREAKER_OPEN");
  openai.play(chat(completes("still fine")));
  await apply("sibling", { model: "openai/gpt-4o-mini", ...fast });
  assert.equal((await run("sibling", "hi")).text, "still fine", "another model of the provider is not affected");
});

test("a provider that does not answer probes is told of, asked last, and trusted again", async () => {
  await apply("cautious", { model: "openai/gpt-4o", fallbacks: [SECOND], ...fast });
  openai.play(answers(503, {}));
  groq.play(completes("groq"));
  await eventually(() => read("/readyz").then((text) => /^ready\n(.*\n)*provider openai: unhealthy/.test(text)), {
    what: "unhealthy",
  });
  const reserved = await run("cautious", "hi");
  assert.deepEqual([reserved.model, choicesOf(reserved)], [SECOND, [`${SECOND}: openai does not answer probes`]]);
  assert.match(await read("/metrics"), /agentmesh_provider_healthy\{provider="openai"[^}]*\} 0/);
  openai.play(completes("openai"));
  await eventually(() => read("/readyz").then((text) => text.includes("provider openai: healthy")), {
    what: "healthy",
  });
  assert.equal((await run("cautious", "hi")).model, "openai/gpt-4o");
});
