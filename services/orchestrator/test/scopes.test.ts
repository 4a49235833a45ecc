// Callers whose permissions are limited to workflows: what runs belong to is the orchestrator's to say.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { orchestratorContract } from "@agentmesh/proto/orchestrator.contract";
import type { Contract } from "@agentmesh/rpc";
import { type Mesh, type Orchestrator, startMesh } from "./mesh.fixture.ts";

let mesh: Mesh;
let client: Orchestrator;
let token: string;

const outside = { code: "PERMISSION_DENIED", reason: "OUT_OF_SCOPE" };

before(async () => {
  mesh = await startMesh({ replicas: 1 });
  client = await mesh.client();
  token = await mesh.callers.token({
    permissions: [
      "agent:execute on workflow/triage*",
      "agent:read on workflow/triage*",
      "agent:create on workflow/triage*",
    ],
  });
  for (const name of ["triage", "payroll"]) {
    await mesh.apply("Workflow", name, { steps: [{ id: "wait", kind: "wait", timerMs: 60_000 }] });
  }
});
after(() => mesh[Symbol.asyncDispose]());

test("what a request names is held against the scopes", async () => {
  const run = await client.startWorkflow({ workflow: "triage" }, { token });
  assert.equal((await client.getRun({ id: run.id }, { token })).workflow, "triage");
  await assert.rejects(client.startWorkflow({ workflow: "payroll" }, { token }), outside);
  const spec = { steps: [{ id: "wait", kind: "wait", timerMs: 1 }] };
  await client.applyResource({ kind: "Workflow", name: "triage-2", spec }, { token });
  await assert.rejects(client.applyResource({ kind: "Workflow", name: "payroll", spec }, { token }), outside);
  await assert.rejects(client.getResource({ kind: "Workflow", name: "payroll" }, { token }), outside);
  await assert.rejects(client.deleteResource({ kind: "Workflow", name: "payroll" }, { token }), outside);
});

test("runs of other workflows are neither shown nor changed, whichever RPC is asked", async () => {
  const { id } = await mesh.start("payroll");
  // Those that take the id of a run, from the contract: one that is added is tried too.
  const contract: Contract = orchestratorContract;
  const byRun = Object.entries(contract.methods).filter(
    ([, { resource }]) => resource?.kind === "workflow" && resource.field === "",
  );
  assert.ok(byRun.length >= 10);
  for (const [name, method] of byRun) {
    const request = method.request.fromPartial({ id, node: "wait", action: "RESOLUTION_RETRY" } as never);
    const reply: unknown = Reflect.get(client, name)(request, { token });
    const done = method.serverStreaming ? Array.fromAsync(reply as AsyncIterable<unknown>) : reply;
    await assert.rejects(done as Promise<unknown>, { ...outside, message: /^(?!.*payroll)/ }, name);
  }
  assert.equal((await mesh.run(id)).state, "RUN_STATE_RUNNING");
  assert.equal((await mesh.run(id)).paused, false);
});

test("lists hold what may be read", async () => {
  await mesh.start("payroll");
  const { runs } = await client.listRuns({}, { token });
  assert.ok(runs.length > 0 && runs.every((run) => run.workflow === "triage"));
  await assert.rejects(client.listRuns({ workflow: "payroll" }, { token }), outside);
  const { resources } = await client.listResources({}, { token });
  assert.deepEqual(
    resources.map(({ name }) => name),
    ["triage", "triage-2"],
  );
  await assert.rejects(client.listRejections({}, { token }), outside);
});
