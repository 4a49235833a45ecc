// Callers whose permissions are limited to agents: what runs belong to is the runner's to say.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import type { Contract } from "@agentmesh/rpc";
import { type Desk, openDesk } from "./desk.fixture.ts";

let desk: Desk;
let token: string;

const outside = { code: "PERMISSION_DENIED", reason: "OUT_OF_SCOPE" };

before(async () => {
  desk = await openDesk();
  for (const name of ["support-mail", "finance"]) {
    await desk.apply("Agent", name, { instructions: "Answer shortly." });
  }
  token = await desk.mesh.callers.token({
    subject: "user:ada",
    permissions: ["agent:execute on agent/support-*", "agent:read on agent/support-*"],
  });
});
after(() => desk[Symbol.asyncDispose]());

test("an agent that a scope covers runs, streams and lists; others do not, and plain models need the whole permission", async () => {
  const { runner } = desk.mesh;
  const run = await runner.runAgent({ agent: "support-mail", text: "hello" }, { token });
  assert.equal((await runner.getAgentRun({ id: run.id }, { token })).id, run.id);
  const refused = [
    runner.runAgent({ agent: "finance", text: "hello" }, { token }),
    runner.runAgentBatch({ agent: "finance", inputs: [{ text: "hello" }] }, { token }),
    Array.fromAsync(runner.streamAgent({ agent: "finance", text: "hello" }, { token })),
    runner.completeChat({ model: "embedded/lexical-1", messages: [{ text: "hello" }] }, { token }),
    runner.listAgentRuns({ agent: "finance" }, { token }),
    runner.getSession({ agent: "finance", session: "s" }, { token }),
    runner.eraseMemory({}, { token }),
    runner.getResource({ kind: "Agent", name: "finance" }, { token }),
  ];
  for (const reply of refused) await assert.rejects(reply, outside);
});

test("runs of other agents are neither shown nor changed, whichever RPC is asked, not even one's own", async () => {
  const { id } = await desk.run("finance", "hello");
  const contract: Contract = runnerContract;
  const byRun = Object.entries(contract.methods).filter(
    ([, { resource }]) => resource?.kind === "agent" && resource.field === "",
  );
  assert.ok(byRun.length >= 4);
  for (const [name, method] of byRun) {
    const request = method.request.fromPartial({ id, runId: id, score: 1 } as never);
    const reply: unknown = Reflect.get(desk.mesh.runner, name)(request, { token });
    const done = method.serverStreaming ? Array.fromAsync(reply as AsyncIterable<unknown>) : reply;
    await assert.rejects(done as Promise<unknown>, { ...outside, message: /^(?!.*finance)/ }, name);
  }
});

test("lists hold what may be read", async () => {
  const { runner } = desk.mesh;
  await desk.run("finance", "hello");
  const { runs } = await runner.listAgentRuns({}, { token });
  assert.ok(runs.length > 0 && runs.every((run) => run.agent === "support-mail"));
  const { resources } = await runner.listResources({}, { token });
  assert.deepEqual(
    resources.map(({ kind, name }) => `${kind}/${name}`),
    ["Agent/support-mail"],
  );
});
