import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { type Bus, connectBus } from "@agentmesh/bus";
import { eventually } from "@agentmesh/harness";
import { newId } from "@agentmesh/ids";
import {
  type ClaimStepsRequest,
  type CompleteStepsRequest,
  type HeartbeatStepsRequest,
  StepDispatched,
  type StepRef,
  type StepResult,
} from "@agentmesh/proto/orchestrator";
import { orchestratorContract } from "@agentmesh/proto/orchestrator.contract";
import { createLogger, createMetrics } from "@agentmesh/telemetry";
import { everything, serveFake, startTestMesh, type TestMesh } from "./mesh.ts";
import { completes, never, type ScriptedUpstream, startUpstream } from "./scripted-upstream.ts";

// What happens when leases are lost needs an orchestrator that misbehaves on purpose: one at the wire, by script.
let stack: AsyncDisposableStack;
let mesh: TestMesh;
let upstream: ScriptedUpstream;
let bus: Bus;
let claimed: ClaimStepsRequest[];
let completed: StepResult[];
let heartbeats: HeartbeatStepsRequest[];
let script: {
  leaseMs: number;
  failClaims: number;
  stop: boolean;
  failHeartbeats: boolean;
  attempt: number;
  key: string;
};

before(async () => {
  stack = new AsyncDisposableStack();
  upstream = stack.use(await startUpstream());
  mesh = await startTestMesh(stack, {
    runner: {
      models: { providers: { openai: { apiKey: "k", baseUrl: `${upstream.origin}/v1` } }, retryDelayMs: 10 },
      worker: { places: 8, heartbeatMs: 100, drainMs: 200 },
    },
    async orchestrator(environment) {
      const port = await serveFake(stack, environment, "orchestrator", orchestratorContract, {
        async claimSteps(request) {
          claimed.push(request);
          if (script.failClaims-- > 0) throw new Error("the orchestrator is not itself");
          return { claims: request.steps.map((step) => ({ step, granted: true, work: workOf() })) };
        },
        async heartbeatSteps(request) {
          heartbeats.push(request);
          if (script.failHeartbeats) throw new Error("the orchestrator is not itself");
          return { stop: script.stop ? request.steps : [] };
        },
        async completeSteps(request: CompleteStepsRequest) {
          completed.push(...request.results);
          return { accepted: request.results.map(() => true) };
        },
      });
      return `127.0.0.1:${port}`;
    },
  });
  const log = createLogger({ service: "orchestrator", environment: "test", version: "0", level: "error" });
  const url = mesh.environment.natsUrl;
  bus = stack.use(await connectBus({ url, service: "orchestrator", log, metrics: createMetrics({}) }));
  const token = await mesh.callers.token({ permissions: everything });
  const spec = {
    model: "openai/gpt-4.1-mini",
    instructions: "x",
    limits: { turns: 1, timeoutMs: 20_000, retries: 0 },
    cache: { mode: "off" },
  };
  await mesh.runner.applyResource({ kind: "Agent", name: "paid", spec }, { token });
});

after(() => stack.disposeAsync());

beforeEach(() => {
  claimed = [];
  completed = [];
  heartbeats = [];
  script = { leaseMs: 30_000, failClaims: 0, stop: false, failHeartbeats: false, attempt: 1, key: newId() };
});

function workOf() {
  const { leaseMs, attempt, key } = script;
  const agent = { $case: "agent" as const, value: { agent: "paid", input: "do it" } };
  const work = { work: agent, attempt, idempotencyKey: key, leaseMs, timeoutMs: 20_000, workflow: "w", labels: {} };
  return { tenant: "acme", subject: "user:ada", ...work };
}

async function dispatch(): Promise<StepRef> {
  const step = { runId: newId(), node: "only", shard: 0, epoch: 1 };
  await bus.js.publish("wf.step.acme", StepDispatched.encode(step).finish());
  return step;
}

test("a claim the orchestrator could not answer comes again; a step is claimed, run and reported once", async () => {
  upstream.play(completes("done"));
  script.failClaims = 1;
  const step = await dispatch();
  await eventually(() => completed.length > 0, { what: "the result" });
  assert.equal(claimed.length, 2);
  assert.deepEqual(completed[0]?.step, step);
  assert.deepEqual(completed[0]?.result, { $case: "output", value: { text: "done" } });
  assert.ok((completed[0]?.costNanoUsd ?? 0n) > 0n);
  assert.equal(completed[0]?.quality, 1, "the score of the answer goes with it");
});

test("a step that another worker has paid for is answered from its stored run; a further attempt is paid anew", async () => {
  upstream.play(completes("first"), completes("second"));
  await dispatch();
  await eventually(() => completed.length === 1, { what: "the first result" });
  await dispatch();
  await eventually(() => completed.length === 2, { what: "the result of the repeat" });
  assert.deepEqual(completed[1]?.result, completed[0]?.result);
  assert.equal(upstream.asked.length, 1, "paid once");
  script.attempt = 2;
  await dispatch();
  await eventually(() => completed.length === 3, { what: "the second attempt" });
  assert.deepEqual(completed[2]?.result, { $case: "output", value: { text: "second" } });
});

test("leases are renewed while a step runs; a step that is to stop is cancelled, and said to have stopped", async () => {
  upstream.play(never);
  await dispatch();
  await eventually(() => heartbeats.length >= 2, { what: "two heartbeats" });
  script.stop = true;
  const token = await mesh.callers.token({ permissions: everything });
  await eventually(
    async () =>
      (await mesh.runner.listAgentRuns({ agent: "paid", pageSize: 1 }, { token })).runs[0]?.failure?.code ===
      "CANCELLED",
    { what: "the run to be cancelled" },
  );
  await eventually(() => completed.length > 0, { what: "it to say so" });
  const [told] = completed;
  assert.ok(told?.result?.$case === "failure");
  assert.deepEqual([told.result.value.code, told.result.value.retryable], ["CANCELLED", true], "it may have acted");
});

test("a worker that cannot renew stops before its lease ends, and reports nothing", async () => {
  upstream.play(never);
  Object.assign(script, { failHeartbeats: true, leaseMs: 1_500 });
  await dispatch();
  await eventually(() => upstream.asked.length === 1, { what: "the step to run" });
  const startedAtMs = performance.now();
  const token = await mesh.callers.token({ permissions: everything });
  await eventually(
    async () => {
      const [run] = (await mesh.runner.listAgentRuns({ agent: "paid", pageSize: 1 }, { token })).runs;
      return run?.failure?.message.includes("lease could not be renewed");
    },
    { what: "the run to be fenced" },
  );
  assert.ok(performance.now() - startedAtMs < 1_700);
  assert.equal(completed.length, 0);
});

test("a worker that is told to end hands back what it cannot finish", async () => {
  upstream.play(never);
  await dispatch();
  await eventually(() => upstream.asked.length === 1, { what: "the step to run" });
  await mesh.running[Symbol.asyncDispose]();
  const [result] = completed;
  assert.ok(result?.result?.$case === "failure");
  assert.deepEqual([result.result.value.code, result.result.value.retryable], ["WORKER_DRAINING", true]);
});
