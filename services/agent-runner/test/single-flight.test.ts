import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "@agentmesh/harness";
import type { AgentRun } from "@agentmesh/proto/runner";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import type { Client } from "@agentmesh/rpc";
import { everything, startTestMesh, type TestMesh } from "./mesh.ts";
import { completes, type Script, type ScriptedUpstream, startUpstream } from "./scripted-upstream.ts";

// Three runners, one cache, one upstream that takes its time: equal questions at the same moment are asked once.
const RUNS_A_RUNNER = 60;
const UPSTREAM_MS = 500;

let stack: AsyncDisposableStack;
let mesh: TestMesh;
let upstream: ScriptedUpstream;
let token: string;
let runners: readonly [Client<typeof runnerContract>, ...Client<typeof runnerContract>[]];

before(async () => {
  stack = new AsyncDisposableStack();
  upstream = stack.use(await startUpstream());
  mesh = await startTestMesh(stack, {
    runner: {
      models: {
        default: "embedded/lexical-1",
        retryDelayMs: 10,
        providers: { openai: { apiKey: "sk-test", baseUrl: `${upstream.origin}/v1` } },
      },
      pool: { places: RUNS_A_RUNNER, queue: RUNS_A_RUNNER },
    },
  });
  const others = await Promise.all([1, 2].map(async () => stack.use(await mesh.startRunner())));
  runners = [mesh.runner, ...(await Promise.all(others.map(({ port }) => mesh.callers.client(runnerContract, port))))];
  token = await mesh.callers.token({ permissions: everything, subject: "user:ada" });
});

after(() => stack.disposeAsync());

async function apply(name: string, spec: object): Promise<void> {
  const model = "openai/gpt-4.1-mini";
  const limits = { turns: 3, timeoutMs: 20_000, retries: 0 };
  await mesh.runner.applyResource(
    { kind: "Agent", name, spec: { model, instructions: "answer", limits, ...spec } },
    { token },
  );
  for (const runner of runners) {
    await eventually(() => runner.runAgent({ agent: name, text: `is ${name} here?`, noCache: true }, { token }), {
      what: "every runner to know the agent",
    });
  }
}

function slowly(script: Script): Script {
  return (response, asked) => void setTimeout(() => script(response, asked), UPSTREAM_MS);
}

function ask(index: number, agent: string, text: string): Promise<AgentRun> {
  const runner = runners[index % runners.length] ?? mesh.runner;
  return runner.runAgent({ agent, text }, { token });
}

async function streamed(index: number, agent: string, text: string): Promise<string> {
  const runner = runners[index % runners.length] ?? mesh.runner;
  let said = "";
  for await (const { event } of runner.streamAgent({ agent, text }, { token })) {
    if (event?.$case === "textDelta") said += event.value;
  }
  return said;
}

test("equal questions over three runners make one upstream call; streams replay its answer whole", async () => {
  upstream.play(completes("warm"));
  await apply("popular", {});
  upstream.play(slowly(completes("the one answer")));
  // The first is not streamed, so that the answer is made without one.
  const leader = ask(0, "popular", "Where is it?");
  await eventually(async () => upstream.asked.length === 1, { what: "the first to ask upstream" });
  const total = RUNS_A_RUNNER * runners.length - 1;
  const [runs, streams] = await Promise.all([
    Promise.all(Array.from({ length: total - 9 }, (_, index) => ask(index, "popular", "Where is it?"))),
    Promise.all(Array.from({ length: 9 }, (_, index) => streamed(index, "popular", "Where is it?"))),
  ]);
  assert.equal(upstream.asked.length, 1);
  const first = await leader;
  assert.deepEqual(new Set([first.text, ...runs.map((run) => run.text), ...streams]), new Set(["the one answer"]));
  assert.deepEqual(new Set(runs.map((run) => run.usage?.costNanoUsd)), new Set([0n]));
});

test("when the one that asks upstream fails or goes away, another one asks", async () => {
  upstream.play(completes("warm"));
  await apply("stubborn", {});
  const left = new AbortController();
  upstream.play(() => undefined, slowly(completes("from the second")));
  const leader = mesh.runner.runAgent({ agent: "stubborn", text: "What now?" }, { token, signal: left.signal });
  leader.catch(() => undefined);
  await eventually(async () => upstream.asked.length === 1, { what: "the leader to ask upstream" });
  const followers = [1, 2, 3].map((index) => ask(index, "stubborn", "What now?"));
  left.abort();
  const runs = await Promise.all(followers);
  assert.deepEqual(
    runs.map((run) => run.text),
    Array(3).fill("from the second"),
  );
  assert.equal(upstream.asked.length, 2);
});

test("answers that are only their callers' do not queue up behind each other", async () => {
  upstream.play(completes("warm"));
  await apply("cut-short", {});
  const cut: Script = (response) => {
    const choices = [{ index: 0, finish_reason: "length", message: { role: "assistant", content: "cut" } }];
    const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ choices, usage }));
  };
  upstream.play(slowly(cut));
  const startedAtMs = performance.now();
  const runs = await Promise.all(Array.from({ length: 12 }, (_, index) => ask(index, "cut-short", "Tell me all?")));
  assert.deepEqual(new Set(runs.map((run) => run.text)), new Set(["cut"]));
  assert.equal(upstream.asked.length, 12, "each asked for itself");
  const tookMs = performance.now() - startedAtMs;
  assert.ok(tookMs < 12 * UPSTREAM_MS, `${tookMs} ms, as long as one after the other`);
});

test("a batch is looked up in one pass: what is known costs nothing, the rest is computed", async () => {
  upstream.play(completes("warm"));
  await apply("batched", {});
  upstream.play(completes("known"));
  await ask(0, "batched", "question 0");
  await ask(1, "batched", "question 1");
  upstream.play(completes("new"));
  const batch = () => {
    const inputs = Array.from({ length: 20 }, (_, index) => ({ text: `question ${index % 10}` }));
    return runners[2 % runners.length]?.runAgentBatch(
      { agent: "batched", inputs: [...inputs, { text: "" }] },
      { token },
    );
  };
  const reply = await batch();
  assert.equal(upstream.asked.length, 8);
  const texts = reply?.results.map(({ run }) => run?.text);
  assert.deepEqual(texts?.slice(0, 3), ["known", "known", "new"]);
  assert.deepEqual(texts?.slice(10, 13), ["known", "known", "new"]);
  assert.equal(reply?.results[20]?.failure?.code, "NO_INPUT");
  await eventually(async () => (await batch())?.results.slice(0, 20).every(({ run }) => run?.cache !== "none"), {
    what: "the second batch to cost nothing",
  });
  assert.equal(upstream.asked.length, 8);
});

test("an agent that asks for it is answered by other wordings, for free; one without it is not, and one with effects cannot ask for it", async () => {
  await mesh.runner.applyResource(
    {
      kind: "Tool",
      name: "send",
      spec: { description: "Send", effect: "effectful", parameters: { type: "object" }, source: { type: "identity" } },
    },
    { token },
  );
  upstream.play(completes("Thirty days."));
  const cache = { mode: "semantic", ttlS: 60 };
  await apply("alike", { cache });
  await assert.rejects(apply("effects", { cache, tools: ["send"] }), { reason: "SEMANTIC_WITH_EFFECTS" });
  await apply("exact", {});
  for (const agent of ["alike", "exact"]) await ask(0, agent, "What is the refund policy?");
  const hit = await eventually(
    async () => {
      const run = await ask(1, "alike", `Can you tell me what your refund policy is?`);
      return run.cache === "none" ? undefined : run;
    },
    { what: "the other wording to be answered" },
  );
  assert.deepEqual([hit.text, hit.usage?.costNanoUsd], ["Thirty days.", 0n]);
  assert.equal((await ask(1, "exact", "what's your refund policy")).cache, "none");
  assert.equal((await ask(1, "alike", "What is the refund policy for 2 items?")).cache, "none");
  await assert.rejects(apply("hot", { cache, temperature: 0.7 }), { field: "cache.mode" });
});
