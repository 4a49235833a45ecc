import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { sha256Hex } from "@agentmesh/ids";
import { type Mesh, startMesh } from "./mesh.fixture.ts";
import { ended, finish, stepOf, tool, until } from "./runs.fixture.ts";
import { startWorker } from "./worker.fixture.ts";

let mesh: Mesh;
const stack = new AsyncDisposableStack();

/** Effects in the order they happened. */
const effects: { run: string; step: string; tool: string; key: string; input: unknown }[] = [];
/** Tools that fail, with how they fail. */
const failing = new Map<string, { code: string; retryable: boolean }>();

before(async () => {
  mesh = stack.use(await startMesh());
  stack.use(
    await startWorker(mesh, {
      name: "w1",
      work({ work, step }) {
        const name = work?.work?.$case === "tool" ? work.work.value.tool : "";
        const failure = failing.get(name);
        if (failure) return { failure: { message: `${name} fails`, ...failure } };
        const input: unknown = work?.work?.value.input;
        effects.push({
          run: step?.runId ?? "",
          step: step?.node ?? "",
          tool: name,
          key: work?.idempotencyKey ?? "",
          input,
        });
        return { output: { id: `${name}-1` } };
      },
    }),
  );
});
after(() => stack.disposeAsync());

const undo = (name: string, more: object = {}) => ({
  compensate: { tool: name, input: { id: "$.output.id" }, retry: { attempts: 2, delayMs: 1 }, ...more },
});

const trip = [
  tool("flight", undo("cancel-flight")),
  tool("hotel", { dependsOn: ["flight"], ...undo("cancel-hotel") }),
  tool("note", { dependsOn: ["hotel"] }),
  { ...tool("pay", { dependsOn: ["note"], retry: { attempts: 1 } }), tool: "pay" },
];

function effectsOf(run: string): string[] {
  return effects.filter((effect) => effect.run === run).map((effect) => effect.tool);
}

test("what was done is undone in reverse, each once and with its own key, and the run ends as failed", async () => {
  await mesh.apply("Workflow", "trip", { steps: trip });
  failing.set("pay", { code: "INVALID_ARGUMENT", retryable: false });
  const run = await finish(mesh, "trip");
  failing.clear();
  assert.deepEqual([run.state, run.failure?.code], ["RUN_STATE_FAILED", "INVALID_ARGUMENT"]);
  assert.deepEqual(effectsOf(run.id), ["echo", "echo", "echo", "cancel-hotel", "cancel-flight"]);
  const cancelHotel = effects.find((effect) => effect.run === run.id && effect.tool === "cancel-hotel");
  assert.deepEqual(cancelHotel?.input, { id: "echo-1" });
  assert.equal(cancelHotel?.key, sha256Hex(`${run.id}/hotel/0/compensate`));
  const undone = stepOf(run, "hotel~undo");
  assert.deepEqual([undone.state, undone.phase], ["STEP_STATE_SUCCEEDED", "STEP_PHASE_COMPENSATE"]);
  await assert.rejects((await mesh.client()).retryRun({ id: run.id }, { token: mesh.token }), {
    code: "FAILED_PRECONDITION",
  });
});

test("a map is undone item by item, the last done first, and then what came before it", async () => {
  const items = { id: "m", kind: "map", over: "$.input.list", tool: "echo", concurrency: 1, dependsOn: ["flight"] };
  const compensate = { tool: "cancel-item", input: { index: "$.index", id: "$.output.id" } };
  const pay = { ...tool("pay", { dependsOn: ["m"], retry: { attempts: 1 } }), tool: "pay" };
  await mesh.apply("Workflow", "tour", {
    steps: [tool("flight", undo("cancel-flight")), { ...items, compensate }, pay],
  });
  failing.set("pay", { code: "INVALID_ARGUMENT", retryable: false });
  const run = await finish(mesh, "tour", { list: Array.from({ length: 40 }, (_, n) => n) });
  failing.clear();
  assert.equal(run.state, "RUN_STATE_FAILED");
  const undone = effects.filter((effect) => effect.run === run.id && effect.tool.startsWith("cancel-"));
  assert.deepEqual(
    undone.map(({ input }) => input),
    [...Array.from({ length: 40 }, (_, n) => ({ index: 39 - n, id: "echo-1" })), { id: "echo-1" }],
  );
});

test("an undo that gives up waits for a person, who may have it tried again or leave it", async () => {
  await mesh.apply("Workflow", "trip", { steps: trip });
  failing.set("pay", { code: "INVALID_ARGUMENT", retryable: false });
  failing.set("cancel-hotel", { code: "UNAVAILABLE", retryable: true });
  const { id } = await mesh.start("trip");
  const told = mesh.bus.nc.subscribe(`evt.acme.orchestrator.workflow.needs_attention.${id}`, { max: 1 });
  const stuck = await until(
    mesh,
    id,
    (run) => run.steps.some((step) => step.node === "hotel~undo" && step.state === "STEP_STATE_IN_DOUBT"),
    "its undo to give up",
  );
  assert.equal(stuck.state, "RUN_STATE_COMPENSATING");
  for await (const message of told) assert.match(message.headers?.get("ce-id") ?? "", /hotel~undo:0:in_doubt/);
  const client = await mesh.client(1);
  const resolve = (action: "RESOLUTION_RETRY" | "RESOLUTION_FAIL") =>
    client.resolveStep({ id, node: "hotel~undo", action }, { token: mesh.token });
  await resolve("RESOLUTION_RETRY");
  failing.delete("cancel-hotel");
  const run = await ended(mesh, id);
  failing.clear();
  assert.equal(run.state, "RUN_STATE_FAILED");
  assert.deepEqual(effectsOf(id).slice(-2), ["cancel-hotel", "cancel-flight"]);
  await assert.rejects(resolve("RESOLUTION_FAIL"), { code: "FAILED_PRECONDITION" });
});

test("a cancelled run undoes what it did before it is cancelled", async () => {
  await mesh.apply("Workflow", "waiting-trip", {
    steps: [tool("flight", undo("cancel-flight")), { id: "ok", kind: "approval", title: "Go?", dependsOn: ["flight"] }],
  });
  const { id } = await mesh.start("waiting-trip");
  await until(mesh, id, (run) => stepOf(run, "ok").state === "STEP_STATE_WAITING", "its approval");
  await (await mesh.client()).cancelRun({ id, reason: "enough" }, { token: mesh.token });
  const run = await ended(mesh, id);
  assert.deepEqual([run.state, run.failure?.message], ["RUN_STATE_CANCELLED", "enough"]);
  assert.deepEqual(effectsOf(id), ["echo", "cancel-flight"]);
});

test("a step that cannot say whether it acted waits for a person; what the person says counts", async () => {
  await mesh.apply("Workflow", "doubtful", {
    steps: [{ ...tool("wire"), tool: "wire" }, tool("after", { dependsOn: ["wire"], input: "$.steps.wire.output" })],
    output: "$.steps.after.output",
  });
  failing.set("wire", { code: "IN_DOUBT", retryable: false });
  const { id } = await mesh.start("doubtful");
  await until(mesh, id, (run) => stepOf(run, "wire").state === "STEP_STATE_IN_DOUBT", "its doubt");
  failing.clear();
  const client = await mesh.client();
  await client.resolveStep(
    { id, node: "wire", action: "RESOLUTION_SUCCEED", output: { found: true } },
    { token: mesh.token },
  );
  const run = await ended(mesh, id);
  assert.equal(run.state, "RUN_STATE_SUCCEEDED");
  assert.deepEqual(stepOf(run, "after").input, { found: true });
});

test("what runs while its run fails is told to stop, and is undone when its lease is over", async () => {
  await using small = await startMesh({ replicas: 2, engine: { leaseMs: 1000 } });
  await small.apply("Workflow", "parallel", {
    steps: [tool("slow", undo("cancel-slow")), { ...tool("bad", { retry: { attempts: 1 } }), tool: "bad" }],
  });
  const runner = await small.runner(0);
  const run = await small.start("parallel");
  const claim = async (node: string, epoch: number) => {
    const { claims } = await runner.claimSteps({ worker: "w", steps: [{ runId: run.id, node, shard: 0, epoch }] });
    return claims[0];
  };
  assert.equal((await claim("slow", 1))?.granted, true);
  assert.equal((await claim("bad", 1))?.granted, true);
  const bad = { runId: run.id, node: "bad", shard: 0, epoch: 1 };
  const failure = { code: "INVALID_ARGUMENT", message: "bad", retryable: false };
  await runner.completeSteps({ worker: "w", results: [{ step: bad, result: { $case: "failure", value: failure } }] });
  const slow = { runId: run.id, node: "slow", shard: 0, epoch: 1 };
  const { stop } = await runner.heartbeatSteps({ worker: "w", steps: [slow] });
  assert.equal(stop.length, 1);
  assert.equal((await small.run(run.id)).state, "RUN_STATE_COMPENSATING");
  stack.use(await startWorker(small, { name: "w2", work: () => ({ output: {} }) }));
  const over = await ended(small, run.id);
  assert.equal(over.state, "RUN_STATE_FAILED");
  assert.equal(stepOf(over, "slow~undo").state, "STEP_STATE_SUCCEEDED");
});
