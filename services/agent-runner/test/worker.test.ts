import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually, testEnvironment } from "@agentmesh/harness";
import { startOrchestrator } from "@agentmesh/orchestrator";
import { RunState, StepState } from "@agentmesh/proto/orchestrator";
import { orchestratorContract } from "@agentmesh/proto/orchestrator.contract";
import type { Client } from "@agentmesh/rpc";
import { everything, startTestMesh, type TestMesh } from "./mesh.ts";

// Workflow steps from the real orchestrator, through the real queue, to the real runner and back.
let stack: AsyncDisposableStack;
let mesh: TestMesh;
let orchestrator: Client<typeof orchestratorContract>;
let token: string;

before(async () => {
  stack = new AsyncDisposableStack();
  const database = stack.use(await testEnvironment("orchestrator", { nats: false, redis: false }));
  const address = Promise.withResolvers<string>();
  mesh = await startTestMesh(stack, {
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
  const tool = { description: "echo", effect: "read", parameters: { type: "object" }, source: { type: "identity" } };
  await mesh.runner.applyResource({ kind: "Tool", name: "echo", spec: tool }, { token });
  const agent = { instructions: "Summarise what the user says." };
  await mesh.runner.applyResource({ kind: "Agent", name: "summary", spec: agent }, { token });
});

after(() => stack.disposeAsync());

async function runWorkflow(name: string, spec: object, input: object, as = token) {
  await orchestrator.applyResource({ kind: "Workflow", name, spec }, { token });
  const { id } = await orchestrator.startWorkflow({ workflow: name, input }, { token: as });
  return ended(id);
}

function ended(id: string) {
  return eventually(
    async () => {
      const run = await orchestrator.getRun({ id }, { token });
      return run.state === RunState.RUNNING ? undefined : run;
    },
    { what: `workflow run ${id} to end`, timeoutMs: 30_000 },
  );
}

test("tool and agent steps run, their outputs feed the next, the agent acts for the run's subject and is charged", async () => {
  const run = await runWorkflow(
    "both",
    {
      input: { type: "object" },
      steps: [
        { id: "first", kind: "tool", tool: "echo", input: { said: "$.input.text" } },
        {
          id: "second",
          kind: "agent",
          agent: "summary",
          dependsOn: ["first"],
          input: { text: "$.steps.first.output.said" },
        },
      ],
      output: { summary: "$.steps.second.output.text" },
    },
    { text: "The parcel arrived broken. The customer wants a refund. It was ordered in May." },
  );
  assert.equal(run.state, RunState.SUCCEEDED, JSON.stringify(run.failure));
  assert.match(String(run.output?.summary), /parcel|refund/i);
  const second = run.steps.find((step) => step.node === "second");
  assert.ok((second?.costNanoUsd ?? 0n) > 0n);
  const [stored] = (await mesh.runner.listAgentRuns({ agent: "summary" }, { token })).runs;
  assert.deepEqual([stored?.subject, stored?.labels.workflow], ["user:ada", "both"]);
});

test("what a step may not, cannot or does not know is a failure that says so", async () => {
  const step = (more: object) => ({
    input: { type: "object" },
    steps: [{ id: "only", retry: { attempts: 1 }, ...more }],
  });
  const nobody = await mesh.callers.token({ permissions: everything, subject: "user:nobody" });
  const agent = step({ kind: "agent", agent: "summary", input: { text: "x" } });
  const denied = await runWorkflow("denied", agent, {}, nobody);
  assert.equal(denied.steps[0]?.failure?.code, "MISSING_PERMISSION");
  const spec = {
    description: "gone soon",
    effect: "read",
    parameters: { type: "object" },
    source: { type: "identity" },
  };
  await mesh.runner.applyResource({ kind: "Tool", name: "missing", spec }, { token });
  const uses = step({ kind: "tool", tool: "missing", input: {} });
  await runWorkflow("unknown", uses, {});
  await mesh.runner.deleteResource({ kind: "Tool", name: "missing" }, { token });
  const unknown = await eventually(
    async () => {
      const { id } = await orchestrator.startWorkflow({ workflow: "unknown", input: {} }, { token });
      const run = await ended(id);
      return run.state === RunState.FAILED ? run : undefined;
    },
    { what: "the deleted tool to be gone" },
  );
  assert.deepEqual([unknown.steps[0]?.state, unknown.steps[0]?.failure?.code], [StepState.FAILED, "TOOL_NOT_FOUND"]);
  const wrong = await runWorkflow("wrong", step({ kind: "tool", tool: "echo", input: "$.input.list" }), {
    list: ["a"],
  });
  assert.deepEqual([wrong.steps[0]?.failure?.code, wrong.steps[0]?.failure?.retryable], ["INVALID_INPUT", false]);
});

test("three hundred workflows of three steps all end, each step done once", async () => {
  const steps = ["a", "b", "c"].map((id, index) => ({
    id,
    kind: "tool",
    tool: "echo",
    dependsOn: index === 0 ? [] : ["a", "b"].slice(index - 1, index),
    input: { n: "$.input.n" },
  }));
  await orchestrator.applyResource(
    { kind: "Workflow", name: "many", spec: { input: { type: "object" }, steps } },
    { token },
  );
  const runs = await Promise.all(
    Array.from({ length: 300 }, (_, n) => orchestrator.startWorkflow({ workflow: "many", input: { n } }, { token })),
  );
  for (const { id } of runs) {
    const run = await ended(id);
    assert.equal(run.state, RunState.SUCCEEDED);
    assert.deepEqual(
      run.steps.map((step) => [step.state, step.epoch]),
      [1, 2, 3].map(() => [StepState.SUCCEEDED, 1]),
    );
  }
});
