// What comes next in a run is given to the worker that did what came before, with the answer to its result.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Claim, RunState } from "@agentmesh/proto/orchestrator";
import pg from "pg";
import { type Mesh, startMesh } from "./mesh.fixture.ts";
import { ended, stepOf, tool } from "./runs.fixture.ts";
import { toResult } from "./worker.fixture.ts";

let mesh: Mesh;
const stack = new AsyncDisposableStack();

before(async () => {
  mesh = stack.use(await startMesh());
  const behind = (id: string, ...dependsOn: string[]) =>
    tool(id, { dependsOn, input: `$.steps.${dependsOn[0]}.output` });
  await mesh.apply("Workflow", "chain", {
    steps: [tool("a"), behind("b", "a"), behind("c", "b")],
    output: "$.steps.c.output",
  });
  await mesh.apply("Workflow", "fan", {
    steps: [tool("a"), behind("b", "a"), behind("c", "a"), behind("d", "b", "c")],
  });
});
after(() => stack.disposeAsync());

async function claim(runId: string, node: string, worker: string): Promise<Claim> {
  const runner = await mesh.runner();
  const { claims } = await runner.claimSteps({ worker, steps: [{ runId, node, shard: 0, epoch: 1 }] });
  assert.ok(claims[0]);
  return claims[0];
}

async function complete(done: readonly Claim[], worker: string, takesNext = true, replica = 0) {
  const runner = await mesh.runner(replica);
  const results = done.map((one) => toResult(one, { output: { after: one.step?.node } }));
  return runner.completeSteps({ worker, results, takesNext });
}

test("a chain takes one claim: each answer brings the next step with its input", async () => {
  const { id } = await mesh.start("chain");
  const first = await claim(id, "a", "w1");
  const second = await complete([first], "w1");
  assert.deepEqual(second.accepted, [true]);
  const [b] = second.next;
  assert.ok(b?.granted);
  assert.deepEqual([b.step?.node, b.step?.epoch, b.work?.attempt], ["b", 1, 1]);
  assert.deepEqual(b.work?.work?.value?.input, { after: "a" });
  assert.equal(b.work?.tenant, "acme");
  assert.notEqual(b.work?.idempotencyKey, first.work?.idempotencyKey);
  assert.equal((await claim(id, "b", "w2")).granted, false, "it is somebody's");
  const third = await complete([b], "w1", true, 1);
  const last = await complete(third.next, "w1", false);
  assert.deepEqual(last, { accepted: [true], next: [] });
  const run = await ended(mesh, id);
  assert.deepEqual([run.state, run.output], [RunState.SUCCEEDED, { after: "c" }]);
  const events = await Array.fromAsync((await mesh.client()).watchRun({ id }, { token: mesh.token }));
  assert.equal(events.filter((event) => event.type === "step.started").length, 2);
});

test("as many as it did, the others go through the queue; who does not ask gets none", async () => {
  const { id } = await mesh.start("fan");
  const { next } = await complete([await claim(id, "a", "w1")], "w1");
  assert.deepEqual(
    next.map((one) => one.step?.node),
    ["b"],
  );
  assert.equal(stepOf(await mesh.run(id), "c").state, "STEP_STATE_DISPATCHED");
  const c = await claim(id, "c", "w2");
  assert.ok(c.granted);
  assert.deepEqual((await complete([c], "w2", false)).next, []);
  const joined = await complete(next, "w1", false);
  assert.deepEqual(joined, { accepted: [true], next: [] });
  assert.equal(stepOf(await mesh.run(id), "d").state, "STEP_STATE_DISPATCHED");
});

test("a worker whose answer was lost repeats its result and is told again, at either replica", async () => {
  const { id } = await mesh.start("chain");
  const first = await claim(id, "a", "w1");
  const lost = await complete([first], "w1");
  const again = await complete([first], "w1", true, 1);
  assert.deepEqual(again.accepted, [true]);
  assert.deepEqual(
    again.next.map((one) => one.step),
    lost.next.map((one) => one.step),
  );
  assert.deepEqual(again.next[0]?.work?.work, lost.next[0]?.work?.work);
  const other = await complete([first], "w2", true);
  assert.deepEqual(other.next, [], "nobody else is");
});

test("a result that cannot be taken now is not refused as stale: its worker reports it again", async () => {
  const { id } = await mesh.start("chain");
  const first = await claim(id, "a", "w1");
  const sql = new pg.Client({ connectionString: mesh.env.postgresUrl });
  await sql.connect();
  // As if the run were of a definition that this version cannot read.
  await sql.query("UPDATE run SET version = 99 WHERE id = $1", [id]);
  await assert.rejects(complete([first], "w1"), { code: "UNAVAILABLE", reason: "RUN_NOT_ADVANCED" });
  await sql.query("UPDATE run SET version = 1 WHERE id = $1", [id]);
  await sql.end();
  assert.deepEqual((await complete([first], "w1")).accepted, [true]);
});
