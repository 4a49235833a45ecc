import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Mesh, operator, startMesh } from "./mesh.fixture.ts";
import { ended, finish, isState, stepOf, tool, until } from "./runs.fixture.ts";
import { startWorker } from "./worker.fixture.ts";

let mesh: Mesh;
const stack = new AsyncDisposableStack();
const failing = new Set<string>();
const keys = new Map<string, string[]>();

before(async () => {
  mesh = stack.use(await startMesh());
  stack.use(
    await startWorker(mesh, {
      name: "w1",
      work({ work, step }) {
        const name = work?.work?.$case === "tool" ? work.work.value.tool : "";
        const place = `${step?.runId}/${step?.node}`;
        keys.set(place, [...(keys.get(place) ?? []), work?.idempotencyKey ?? ""]);
        if (failing.has(name)) return { failure: { code: "INVALID_ARGUMENT", message: "not now", retryable: false } };
        return { output: { by: name, input: work?.work?.value.input } };
      },
    }),
  );
});
after(() => stack.disposeAsync());

test("a paused run takes results and releases nothing; its timer and deadline move by the pause", async () => {
  await mesh.apply("Workflow", "pausable", {
    steps: [{ id: "t", kind: "wait", timerMs: 500 }, tool("a", { dependsOn: ["t"] })],
  });
  const client = await mesh.client();
  const { id, deadline } = await mesh.start("pausable");
  const paused = await client.pauseRun({ id, reason: "look" }, { token: mesh.token });
  assert.equal(paused.paused, true);
  const again = await client.pauseRun({ id }, { token: mesh.token }).catch((error: unknown) => error);
  assert.ok(again);
  const until2 = Date.now() + 1200;
  await until(mesh, id, () => Date.now() > until2, "more time than the timer has");
  assert.equal(stepOf(await mesh.run(id), "t").state, "STEP_STATE_WAITING");
  const resumed = await (await mesh.client(1)).resumeRun({ id }, { token: mesh.token });
  assert.equal(resumed.paused, false);
  assert.ok((resumed.deadline?.getTime() ?? 0) > (deadline?.getTime() ?? 0) + 1000);
  assert.equal((await ended(mesh, id)).state, "RUN_STATE_SUCCEEDED");
  const reader = await mesh.callers.token({ permissions: ["agent:read"] });
  await assert.rejects(client.pauseRun({ id }, { token: reader }), { reason: "MISSING_PERMISSION" });
  const foreign = await mesh.callers.token({ ...operator, tenant: "other" });
  for (const call of [client.pauseRun, client.resumeRun, client.retryRun, client.rerunRun]) {
    await assert.rejects(call({ id }, { token: foreign }), { code: "NOT_FOUND" });
  }
});

test("a failed run is retried: what succeeded stays, the rest runs with the same keys", async () => {
  await mesh.apply("Workflow", "retriable", {
    steps: [tool("a"), { ...tool("b", { dependsOn: ["a"] }), tool: "b" }, tool("c", { dependsOn: ["b"] })],
    output: "$.steps.c.state",
  });
  failing.add("b");
  const failed = await finish(mesh, "retriable");
  failing.clear();
  assert.equal(failed.state, "RUN_STATE_FAILED");
  const client = await mesh.client(1);
  await client.retryRun({ id: failed.id }, { token: mesh.token });
  const run = await ended(mesh, failed.id);
  assert.deepEqual([run.state, run.output], ["RUN_STATE_SUCCEEDED", "succeeded"]);
  assert.equal(keys.get(`${run.id}/a`)?.length, 1);
  const both = keys.get(`${run.id}/b`) ?? [];
  assert.equal(both.length, 2);
  assert.equal(both[0], both[1]);
  await assert.rejects(client.retryRun({ id: run.id }, { token: mesh.token }), { code: "FAILED_PRECONDITION" });
  const events = await Array.fromAsync(client.watchRun({ id: run.id }, { token: mesh.token }));
  assert.equal(events.at(-1)?.type, "run.succeeded");
});

test("a run again with changes: another input, and from a step on with the earlier outputs", async () => {
  await mesh.apply("Workflow", "again", {
    steps: [
      tool("a", { input: { n: "$.input.n" } }),
      tool("b", { dependsOn: ["a"], input: { n: "$.input.n", a: "$.steps.a.output.input.n" } }),
    ],
    output: "$.steps.b.output.input",
  });
  const first = await finish(mesh, "again", { n: 1, other: true });
  const client = await mesh.client();
  const all = await client.rerunRun({ id: first.id, input: { n: 2 } }, { token: mesh.token });
  assert.notEqual(all.id, first.id);
  assert.deepEqual((await ended(mesh, all.id)).output, { n: 2, a: 2 });
  assert.deepEqual(all.input, { n: 2, other: true });
  const part = await client.rerunRun({ id: first.id, input: { n: 3 }, from: "b" }, { token: mesh.token });
  const run = await ended(mesh, part.id);
  assert.deepEqual(run.output, { n: 3, a: 1 });
  assert.equal(keys.has(`${run.id}/a`), false, "a was not worked on again");
  assert.equal(run.origin, `rerun:${first.id}`);
  await assert.rejects(client.rerunRun({ id: first.id, from: "nope" }, { token: mesh.token }), {
    reason: "UNKNOWN_STEP",
  });
});

test("large values are cut from a reply, said so, and read one by one", async () => {
  await mesh.apply("Workflow", "heavy", {
    steps: Array.from({ length: 8 }, (_, index) => tool(`s${index}`, { input: { text: "$.input.text" } })),
  });
  const text = "x".repeat(400_000);
  const done = await finish(mesh, "heavy", { text });
  assert.equal(done.state, "RUN_STATE_SUCCEEDED");
  const cut = done.steps.filter((step) => step.outputCut || step.inputCut);
  assert.ok(cut.length > 0 && cut.length < 8);
  const [first] = cut;
  const client = await mesh.client();
  const step = await client.getStep({ id: done.id, node: first?.node ?? "" }, { token: mesh.token });
  assert.deepEqual(step.input, { text });
  const listed = await client.listRuns({ workflow: "heavy" }, { token: mesh.token });
  assert.deepEqual([listed.runs[0]?.inputCut, listed.runs[0]?.input], [true, undefined]);
  const alone = await client.getRun({ id: done.id, part: "PART_INPUT" }, { token: mesh.token });
  assert.deepEqual(alone.input, { text });
  const steps = await client.listSteps({ id: done.id }, { token: mesh.token });
  assert.equal(steps.steps.length, 8);
});

test("a run that will be late says so before it is", async () => {
  await mesh.apply("Workflow", "late", {
    slaMs: 300,
    steps: [{ id: "t", kind: "wait", timerMs: 1500 }],
  });
  const told = mesh.bus.nc.subscribe("evt.acme.orchestrator.workflow.at_risk.>", { max: 1 });
  const { id, slaAt } = await mesh.start("late");
  assert.ok(slaAt);
  for await (const message of told) assert.ok(message.subject.endsWith(id));
  const run = await ended(mesh, id);
  assert.deepEqual([run.state, run.atRisk], ["RUN_STATE_SUCCEEDED", true]);
});

test("every action that changes something is in the audit, what was refused too", async () => {
  const actions: string[] = [];
  const audited = mesh.bus.nc.subscribe("evt.acme.orchestrator.audit.recorded.>", {
    callback(_error, message) {
      actions.push(Buffer.from(message.data).toString("latin1"));
    },
  });
  await mesh.apply("Workflow", "audited", {
    steps: [{ id: "ok", kind: "approval", title: "Ok?", approvers: { subjects: ["user:nobody"] } }],
  });
  const client = await mesh.client();
  const { id } = await mesh.start("audited");
  const { token } = mesh;
  const run = await until(mesh, id, isState("ok", "STEP_STATE_WAITING"), "its approval");
  await client.pauseRun({ id }, { token });
  await client.resumeRun({ id }, { token });
  const { argsHash } = stepOf(run, "ok");
  await assert.rejects(client.decideApproval({ id, node: "ok", approve: true, argsHash }, { token }));
  await client.cancelRun({ id }, { token });
  await client.rerunRun({ id }, { token });
  await until(
    mesh,
    id,
    () =>
      ["workflow.started", "workflow.paused", "workflow.resumed", "workflow.cancelled", "approval.approved"].every(
        (action) => actions.some((text) => text.includes(action)),
      ),
    "all audit entries",
  );
  assert.ok(actions.some((text) => text.includes("approval.approved") && text.includes("denied")));
  audited.unsubscribe();
});
