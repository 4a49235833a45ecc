import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually, testEnvironment } from "@agentmesh/harness";
import { sha256Hex } from "@agentmesh/ids";
import { startOrchestrator } from "@agentmesh/orchestrator";
import { Resolution, type Run, RunState, StepState } from "@agentmesh/proto/orchestrator";
import { orchestratorContract } from "@agentmesh/proto/orchestrator.contract";
import type { Client } from "@agentmesh/rpc";
import { byLooking, type EffectServer, lookingTool, payingTool, startEffectServer } from "./effect-server.ts";
import { everything, startTestMesh, type TestMesh } from "./mesh.ts";
import { completes, type ScriptedUpstream, startUpstream } from "./scripted-upstream.ts";

// What the orchestrator makes of effects: steps in doubt, which a person resolves, and undo, whose effects are others.
let stack: AsyncDisposableStack;
let mesh: TestMesh;
let server: EffectServer;
let upstream: ScriptedUpstream;
let orchestrator: Client<typeof orchestratorContract>;
let token: string;

before(async () => {
  stack = new AsyncDisposableStack();
  server = stack.use(await startEffectServer());
  upstream = stack.use(await startUpstream());
  const database = stack.use(await testEnvironment("orchestrator", { nats: false, redis: false }));
  const address = Promise.withResolvers<string>();
  const providers = { openai: { apiKey: "sk-test", baseUrl: `${upstream.origin}/v1` } };
  mesh = await startTestMesh(stack, {
    cache: false,
    runner: { models: { providers, retryDelayMs: 10 }, worker: { places: 64, heartbeatMs: 200, drainMs: 200 } },
    async orchestrator(_environment, settings) {
      const running = stack.use(
        await startOrchestrator({
          ...settings("orchestrator"),
          environment: "test",
          tracing: { otlpEndpoint: "" },
          postgres: { url: database.postgresUrl, maxConnections: 5 },
          engine: { leaseMs: 30_000, redispatchAfterMs: 30_000, credit: 1_000, sweepEveryMs: 200, maxTakeovers: 5 },
          webhooks: { secretsDir: "" },
          retention: {
            eventDays: 30,
            runDays: 30,
            archiveDays: 365,
            rejectionDays: 30,
            arrivedDays: 7,
            everyMs: 60_000,
          },
        }),
      );
      address.resolve(`127.0.0.1:${running.port}`);
      return address.promise;
    },
  });
  orchestrator = await mesh.callers.client(orchestratorContract, Number((await address.promise).split(":")[1]));
  token = await mesh.callers.token({ permissions: everything, subject: "user:ada" });
  await apply("Tool", "paid", lookingTool(server.origin));
  await apply("Tool", "pay-keyed", payingTool(server.origin, undefined));
  await apply("Tool", "pay-verify", payingTool(server.origin, byLooking));
  await apply("Tool", "pay-none", payingTool(server.origin, { mode: "none" }));
  const limits = { turns: 4, timeoutMs: 20_000, retries: 0 };
  const agent = { model: "openai/gpt-4.1-mini", instructions: "pay", limits, cache: { mode: "off" } };
  await apply("Agent", "payer", { ...agent, tools: ["pay-none"] });
});
after(() => stack.disposeAsync());

function apply(kind: string, name: string, spec: object) {
  return mesh.runner.applyResource({ kind, name, spec }, { token });
}

async function start(name: string, steps: readonly object[]): Promise<string> {
  const spec = { input: { type: "object" }, steps };
  await orchestrator.applyResource({ kind: "Workflow", name, spec }, { token });
  return (await orchestrator.startWorkflow({ workflow: name, input: {} }, { token })).id;
}

function once(id: string, what: string, is: (run: Run) => boolean): Promise<Run> {
  const look = async () => {
    const run = await orchestrator.getRun({ id }, { token });
    return is(run) ? run : undefined;
  };
  return eventually(look, { what: `run ${id} to be ${what}`, timeoutMs: 30_000 });
}

function inDoubt(id: string): Promise<Run> {
  return once(id, "in doubt", ({ steps }) => steps.some(({ state }) => state === StepState.IN_DOUBT));
}

function ended(id: string): Promise<Run> {
  const open: readonly string[] = [RunState.RUNNING, RunState.COMPENSATING];
  return once(id, "ended", ({ state }) => !open.includes(state));
}

function pay(mode: string, order: string, more: object = {}): object {
  return { id: "pay", kind: "tool", tool: `pay-${mode}`, input: { order }, ...more };
}

test("none: without an answer the step is in doubt; a person who says try again has it called once more", async () => {
  server.play("wf-none", "hang");
  const id = await start("none", [pay("none", "wf-none")]);
  const [step] = (await inDoubt(id)).steps;
  assert.deepEqual(
    [step?.failure?.code, step?.failure?.retryable, server.callsOf("wf-none").length],
    ["IN_DOUBT", false, 1],
  );
  await orchestrator.resolveStep({ id, node: "pay", shard: 0, action: Resolution.RETRY }, { token });
  assert.equal((await ended(id)).state, RunState.SUCCEEDED);
  assert.deepEqual([server.callsOf("wf-none").length, server.effectsOf("wf-none")], [2, 1]);
  assert.equal(new Set(server.callsOf("wf-none").map(({ key }) => key)).size, 1);
});

test("verify: in doubt as long as nobody can be asked; tried again it is found, and not had again", async () => {
  server.play("wf-verify", "apply and cut");
  server.asking = "down";
  const id = await start("verify", [pay("verify", "wf-verify")]);
  await inDoubt(id);
  server.asking = "answers";
  await orchestrator.resolveStep({ id, node: "pay", shard: 0, action: Resolution.RETRY }, { token });
  const run = await ended(id);
  assert.deepEqual([run.state, run.steps[0]?.output], [RunState.SUCCEEDED, { order: "wf-verify", state: "paid" }]);
  assert.deepEqual([server.callsOf("wf-verify").length, server.effectsOf("wf-verify")], [1, 1]);
});

test("an agent whose tool is in doubt ends so: the step waits for a person, and no model is told to go on", async () => {
  server.play("wf-agent", "apply and hang");
  upstream.play(completes(null, [["pay-none", '{"order":"wf-agent"}']]), completes("paid"));
  const id = await start("agent", [{ id: "pay", kind: "agent", agent: "payer", input: { text: "pay" } }]);
  const [step] = (await inDoubt(id)).steps;
  assert.equal(step?.failure?.code, "IN_DOUBT");
  assert.equal(upstream.asked.length, 1);
  upstream.play(completes(null, [["pay-none", '{"order":"wf-agent"}']]), completes("paid"));
  await orchestrator.resolveStep({ id, node: "pay", shard: 0, action: Resolution.RETRY }, { token });
  assert.equal((await ended(id)).state, RunState.SUCCEEDED);
  assert.deepEqual([server.callsOf("wf-agent").length, server.effectsOf("wf-agent")], [2, 2], "the person said so");
});

test("undo has a key of its own, stable over its attempts", async () => {
  server.play("refund", "apply and fail");
  const compensate = { tool: "pay-keyed", input: { order: "refund" }, retry: { attempts: 3, delayMs: 10 } };
  const fails = {
    id: "fails",
    kind: "tool",
    tool: "paid",
    dependsOn: ["pay"],
    input: { order: "x" },
    retry: { attempts: 1 },
  };
  const id = await start("saga", [pay("keyed", "bought", { compensate }), fails]);
  assert.equal((await ended(id)).state, RunState.FAILED);
  const keysOf = (order: string) => server.callsOf(order).map(({ key }) => key);
  assert.deepEqual(keysOf("bought"), [sha256Hex(`${id}/pay/0/forward`)]);
  const undo = sha256Hex(`${id}/pay/0/compensate`);
  assert.deepEqual(keysOf("refund"), [undo, undo]);
  assert.equal(server.effectsOf("refund"), 1);
});

test("a call that is under way when its run is cancelled may have had its effect: it is undone", async () => {
  server.play("cancelled", "apply and hang");
  await apply("Tool", "pay-slowly", payingTool(server.origin, undefined, { timeoutMs: 30_000 }));
  const compensate = { tool: "pay-keyed", input: { order: "cancelled-refund" } };
  const id = await start("cancelled", [{ ...pay("keyed", "cancelled", { compensate }), tool: "pay-slowly" }]);
  await eventually(() => server.effectsOf("cancelled") === 1, { what: "the effect" });
  await orchestrator.cancelRun({ id, reason: "not wanted" }, { token });
  assert.equal((await ended(id)).state, RunState.CANCELLED);
  assert.equal(server.effectsOf("cancelled-refund"), 1);
});

test("an agent that is cancelled while its tool is under way is undone when that call is over, and not before", async () => {
  server.play("agent-slow", "apply and hang");
  await apply("Tool", "pay-a-while", payingTool(server.origin, undefined, { timeoutMs: 2_500 }));
  const limits = { turns: 4, timeoutMs: 20_000, retries: 0 };
  const agent = { model: "openai/gpt-4.1-mini", instructions: "pay", limits, cache: { mode: "off" } };
  await apply("Agent", "slow-payer", { ...agent, tools: ["pay-a-while"] });
  upstream.play(completes(null, [["pay-a-while", '{"order":"agent-slow"}']]), completes("paid"));
  const compensate = { tool: "pay-keyed", input: { order: "agent-refund" } };
  const step = { id: "pay", kind: "agent", agent: "slow-payer", input: { text: "pay" }, compensate };
  const id = await start("agent-cancelled", [step]);
  await eventually(() => server.effectsOf("agent-slow") === 1, { what: "the effect" });
  const leftAtMs = performance.now();
  await orchestrator.cancelRun({ id, reason: "not wanted" }, { token });
  await eventually(() => server.effectsOf("agent-refund") === 1, { what: "the undo" });
  assert.ok(performance.now() - leftAtMs > 1_800, "the undo waits for the call");
  assert.equal((await ended(id)).state, RunState.CANCELLED);
});

test("undo is safe on nothing: what may have had its effect and had not is undone once", async () => {
  server.play("nothing", "cut");
  await apply("Tool", "paid-refund", lookingTool(server.origin));
  await apply("Tool", "refund", payingTool(server.origin, { ...byLooking, by: "paid-refund" }));
  const compensate = { tool: "refund", input: { order: "nothing-refund" } };
  const id = await start("nothing", [pay("keyed", "nothing", { compensate, retry: { attempts: 1 } })]);
  const run = await ended(id);
  assert.equal(run.state, RunState.FAILED);
  assert.deepEqual([server.effectsOf("nothing"), server.effectsOf("nothing-refund")], [0, 1]);
  assert.ok(run.steps.every(({ state }) => state !== StepState.IN_DOUBT));
});
