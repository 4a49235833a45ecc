import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "@agentmesh/harness";
import type { Approval } from "@agentmesh/proto/orchestrator";
import { type Mesh, operator, startMesh } from "./mesh.fixture.ts";
import { ended, isState, stepOf, tool, until } from "./runs.fixture.ts";
import { startWorker } from "./worker.fixture.ts";

let mesh: Mesh;
const stack = new AsyncDisposableStack();

before(async () => {
  mesh = stack.use(await startMesh());
  stack.use(await startWorker(mesh, { name: "w1" }));
});
after(() => stack.disposeAsync());

const approve = { id: "ok", kind: "approval", title: "Pay?", input: { amount: "$.input.amount" } };

async function asked(id: string): Promise<Approval> {
  await until(mesh, id, isState("ok", "STEP_STATE_WAITING"), "its approval to be asked for");
  const client = await mesh.client();
  const { approvals } = await client.listApprovals({ runId: id }, { token: mesh.token });
  const [first] = approvals;
  assert.ok(first);
  return first;
}

async function decide(approval: Approval, more: object = {}, token = mesh.token, replica = 0): Promise<Approval> {
  const client = await mesh.client(replica);
  const { runId, node, argsHash } = approval;
  return client.decideApproval({ id: runId, node, argsHash, approve: true, ...more }, { token });
}

test("an approval waits, says what it is for, and lets the run go on with who said yes", async () => {
  await mesh.apply("Workflow", "pay", {
    steps: [approve, tool("do", { dependsOn: ["ok"], input: { by: "$.steps.ok.output.by" } })],
    output: "$.steps.ok.output",
  });
  const { id } = await mesh.start("pay", { amount: 7 });
  const approval = await asked(id);
  assert.deepEqual(
    [approval.state, approval.title, approval.input, approval.workflow],
    ["APPROVAL_STATE_PENDING", "Pay?", { amount: 7 }, "pay"],
  );
  assert.match(approval.argsHash, /^[0-9a-f]{64}$/);
  const decided = await decide(approval, { comment: "fine" }, mesh.token, 1);
  assert.deepEqual(
    [decided.state, decided.decidedBy, decided.comment],
    ["APPROVAL_STATE_APPROVED", "user:test", "fine"],
  );
  const run = await ended(mesh, id);
  assert.equal(run.state, "RUN_STATE_SUCCEEDED");
  assert.deepEqual(await decide(approval, { comment: "fine" }), decided, "who lost the answer may ask again");
  await assert.rejects(decide(approval, { approve: false }), { code: "FAILED_PRECONDITION" });
  const output: { approved?: boolean; by?: string } = run.output ?? {};
  assert.deepEqual([output.approved, output.by], [true, "user:test"]);
  const pending = await (await mesh.client()).listApprovals(
    { state: "APPROVAL_STATE_PENDING", runId: id },
    { token: mesh.token },
  );
  assert.equal(pending.approvals.length, 0);
});

test("a list of approvals leaves out what is large; the step and the decision show it whole", async () => {
  const { id } = await mesh.start("pay", { amount: "x".repeat(20_000) });
  const small = await mesh.start("pay", { amount: "y" });
  const listed = await asked(id);
  assert.deepEqual([listed.input, listed.inputCut], [undefined, true]);
  const beside = await asked(small.id);
  assert.deepEqual([beside.input, beside.inputCut], [{ amount: "y" }, false]);
  const step = await (await mesh.client()).getStep({ id, node: "ok" }, { token: mesh.token });
  assert.deepEqual(step.input, { amount: "x".repeat(20_000) });
  const decided = await decide(listed);
  assert.deepEqual([decided.input, decided.inputCut], [step.input, false]);
  await decide(beside);
});

test("a comment may hold what PostgreSQL keeps in no text", async () => {
  const { id } = await mesh.start("pay", { amount: 1 });
  const decided = await decide(await asked(id), { comment: "fine\u0000 by me" });
  assert.equal(decided.comment, "fine\uFFFD by me");
});

test("decided at two replicas at once: one decision counts, and the other is told", async () => {
  for (let round = 0; round < 8; round++) {
    const { id } = await mesh.start("pay", { amount: round });
    const approval = await asked(id);
    const answers = await Promise.allSettled([
      decide(approval, { approve: true }, mesh.token, 0),
      decide(approval, { approve: false }, mesh.token, 1),
    ]);
    const counted = answers.filter((answer) => answer.status === "fulfilled");
    assert.equal(counted.length, 1, JSON.stringify(answers));
    const run = await ended(mesh, id);
    const [first] = counted;
    const isApproved = first?.status === "fulfilled" && first.value.state === "APPROVAL_STATE_APPROVED";
    assert.equal(run.state, isApproved ? "RUN_STATE_SUCCEEDED" : "RUN_STATE_FAILED");
    const events = await Array.fromAsync((await mesh.client()).watchRun({ id }, { token: mesh.token }));
    const settled = events.filter((event) => event.node === "ok" && /step\.(succeeded|failed)/.test(event.type));
    assert.equal(settled.length, 1);
  }
});

test("only who may decides, never whoever started the run where four eyes are asked for, and only what was seen", async () => {
  await mesh.apply("Workflow", "four-eyes", {
    steps: [{ ...approve, approvers: { roles: ["treasurer"] }, notBy: "starter" }],
  });
  const treasurer = { ...operator, roles: ["treasurer"] };
  const starter = await mesh.callers.token({ ...treasurer, subject: "user:anna" });
  const other = await mesh.callers.token({ ...treasurer, subject: "user:bert" });
  const clerk = await mesh.callers.token({ ...operator, subject: "user:carl", roles: ["clerk"] });
  const client = await mesh.client();
  const { id } = await client.startWorkflow({ workflow: "four-eyes", input: { amount: 1 } }, { token: starter });
  const approval = await asked(id);
  assert.deepEqual([approval.roles, approval.notByStarter], [["treasurer"], true]);
  await assert.rejects(decide(approval, {}, clerk), { code: "PERMISSION_DENIED" });
  await assert.rejects(decide(approval, {}, starter), { code: "PERMISSION_DENIED" });
  await assert.rejects(decide({ ...approval, argsHash: "0".repeat(64) }, {}, other), {
    code: "FAILED_PRECONDITION",
  });
  const stranger = await mesh.callers.token({ ...treasurer, subject: "user:bert", tenant: "other" });
  await assert.rejects(decide(approval, {}, stranger), { code: "NOT_FOUND" });
  await decide(approval, {}, other);
  assert.equal((await ended(mesh, id)).state, "RUN_STATE_SUCCEEDED");
});

test("a rejection fails the run, or only the step where it goes on; nobody answers: expired", async () => {
  await mesh.apply("Workflow", "rejected", {
    steps: [{ ...approve, onFailure: "continue" }],
    output: "$.steps.ok.state",
  });
  const lenient = await mesh.start("rejected");
  await decide(await asked(lenient.id), { approve: false });
  assert.equal((await ended(mesh, lenient.id)).output, "failed");
  const strict = await mesh.start("pay");
  await decide(await asked(strict.id), { approve: false, comment: "no" });
  assert.equal((await ended(mesh, strict.id)).failure?.code, "APPROVAL_REJECTED");
  await mesh.apply("Workflow", "expiring", { steps: [{ ...approve, timeoutMs: 1000 }] });
  const { id } = await mesh.start("expiring");
  const run = await ended(mesh, id);
  assert.equal(run.failure?.code, "APPROVAL_EXPIRED");
  await eventually(
    async () => {
      const { approvals } = await (await mesh.client()).listApprovals({ runId: id }, { token: mesh.token });
      return approvals[0]?.state === "APPROVAL_STATE_EXPIRED";
    },
    { what: "the approval to say that it expired" },
  );
});

test("an approval that nobody answers is asked of others too; a cancelled run takes its approval along", async () => {
  await mesh.apply("Workflow", "escalating", {
    steps: [
      { ...approve, approvers: { subjects: ["user:boss"] }, escalate: [{ afterMs: 1000, subjects: ["user:test"] }] },
    ],
  });
  const { id } = await mesh.start("escalating");
  const approval = await asked(id);
  await assert.rejects(decide(approval), { code: "PERMISSION_DENIED" });
  await eventually(
    async () => {
      const { approvals } = await (await mesh.client()).listApprovals({ runId: id }, { token: mesh.token });
      return approvals[0]?.subjects.includes("user:test");
    },
    { what: "the escalation", timeoutMs: 30_000 },
  );
  await decide(approval);
  assert.equal((await ended(mesh, id)).state, "RUN_STATE_SUCCEEDED");
  const cancelled = await mesh.start("escalating");
  const open = await asked(cancelled.id);
  await (await mesh.client()).cancelRun({ id: cancelled.id }, { token: mesh.token });
  await assert.rejects(decide(open), { code: "FAILED_PRECONDITION" });
  const { approvals } = await (await mesh.client()).listApprovals({ runId: cancelled.id }, { token: mesh.token });
  assert.equal(approvals[0]?.state, "APPROVAL_STATE_CANCELLED");
  assert.equal(stepOf(await mesh.run(cancelled.id), "ok").argsHash, open.argsHash);
});
