import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { eventually } from "@agentmesh/harness";
import { newId, sha256Hex } from "@agentmesh/ids";
import { type Database, openDatabase } from "@agentmesh/postgres";
import type { StepResult } from "@agentmesh/proto/orchestrator";
import { createLogger } from "@agentmesh/telemetry";
import {
  type Behaviour,
  byLooking,
  type EffectServer,
  lookingTool,
  payingTool,
  startEffectServer,
} from "./effect-server.ts";
import { everything, startTestMesh, type TestMesh } from "./mesh.ts";
import { type Replica, startReplica } from "./replica.ts";
import { type ScriptedOrchestrator, scriptOrchestrator, toolWork } from "./scripted-orchestrator.ts";
import { completes, never, type ScriptedUpstream, startUpstream } from "./scripted-upstream.ts";

// Runners as processes, killed and frozen around an effect; PostgreSQL, NATS and the system with the effects are real. The
// next process is the victim of the next test.
let stack: AsyncDisposableStack;
let mesh: TestMesh;
let server: EffectServer;
let upstream: ScriptedUpstream;
let orchestrator: ScriptedOrchestrator;
let replica: Replica;
const timeoutMs = 2_500;

before(async () => {
  stack = new AsyncDisposableStack();
  server = stack.use(await startEffectServer());
  upstream = stack.use(await startUpstream());
  orchestrator = scriptOrchestrator(stack, () => mesh);
  mesh = await startTestMesh(stack, { cache: false, orchestrator: orchestrator.serve });
  const token = await mesh.callers.token({ permissions: everything, subject: "user:ada" });
  const apply = (kind: string, name: string, spec: object) =>
    mesh.runner.applyResource({ kind, name, spec }, { token });
  await assert.rejects(apply("Tool", "pay-verify", payingTool(server.origin, byLooking)), { reason: "CANNOT_ASK" });
  await apply("Tool", "paid", lookingTool(server.origin));
  await apply("Tool", "pay-keyed", payingTool(server.origin, undefined, { timeoutMs }));
  await apply("Tool", "pay-verify", payingTool(server.origin, byLooking, { timeoutMs }));
  await apply("Tool", "pay-none", payingTool(server.origin, { mode: "none" }, { timeoutMs }));
  const source = { type: "http", method: "POST", url: `${server.origin}/pay/{order}` };
  await apply("Tool", "pay-unkeyed", payingTool(server.origin, { mode: "keyed" }, { source }));
  await assert.rejects(apply("Tool", "odd", payingTool(server.origin, { ...byLooking, by: "pay-none" })), {
    reason: "CANNOT_ASK",
    message: /"pay-none", which is effectful/,
  });
  const limits = { turns: 3, timeoutMs: 60_000, retries: 0 };
  const agent = { model: "openai/gpt-4.1-mini", instructions: "pay", limits, cache: { mode: "off" } };
  await apply("Agent", "payer", { ...agent, tools: ["pay-verify", "pay-keyed"] });
  await mesh.running[Symbol.asyncDispose]();
  replica = stack.use(await startReplica(mesh, upstream.origin));
});
after(() => stack.disposeAsync());

/** Kills the replica and starts the one that takes over. */
async function replace(): Promise<void> {
  replica.signal("SIGKILL");
  await replica.exited;
  replica = stack.use(await startReplica(mesh, upstream.origin));
}

async function stuck(...orders: readonly string[]): Promise<void> {
  const isThere = () => orders.every((order) => server.callsOf(order).length === 1);
  await eventually(isThere, { what: `the calls for ${orders.join(", ")}` });
}

function outputOf(result: NonNullable<StepResult["result"]>): unknown {
  return result.$case === "output" ? result.value : result.value.code;
}

for (const [moment, behaviour, atOther] of [
  ["before", "hang", 0],
  ["after", "apply and hang", 1],
] as const satisfies readonly (readonly [string, Behaviour, number])[]) {
  test(`kill -9 ${moment} the effect: keyed and verify have it once, none is in doubt`, async () => {
    const modes = ["keyed", "verify", "none"];
    const orderOf = (mode: string) => `${moment}-${mode}`;
    for (const mode of modes) server.play(orderOf(mode), behaviour);
    const steps = await Promise.all(
      modes.map((mode) => orchestrator.give(toolWork(`pay-${mode}`, { order: orderOf(mode) }))),
    );
    await stuck(...modes.map(orderOf));
    await replace();
    await Promise.all(steps.map((step) => orchestrator.giveAgain(step)));
    const outputs = (await Promise.all(steps.map(orchestrator.resultOf))).map(outputOf);
    const [keyed, verify, none] = modes.map((mode) => server.callsOf(orderOf(mode)));
    assert.deepEqual(
      modes.map((mode) => server.effectsOf(orderOf(mode))),
      [1, 1, atOther],
    );
    assert.deepEqual([keyed?.length, verify?.length, none?.length], [2, 2 - atOther, 1]);
    assert.equal(keyed?.[0]?.key, steps[0]?.key);
    assert.equal(keyed?.[1]?.key, steps[0]?.key);
    assert.deepEqual(
      atOther ? outputs[1] : undefined,
      atOther ? { order: orderOf("verify"), state: "paid" } : undefined,
    );
    assert.equal(outputs[2], "IN_DOUBT");
    const again = steps[2];
    assert.ok(again);
    await orchestrator.giveAgain(again, { attempt: 2 });
    assert.notEqual(outputOf(await orchestrator.resultOf(again)), "IN_DOUBT", "a person said: try again");
    assert.deepEqual([server.callsOf(orderOf("none")).length, server.effectsOf(orderOf("none"))], [2, 1 + atOther]);
  });
}

test("kill -9 in an agent's loop after its effects: done over with other call ids, at another attempt, each is had once", async () => {
  const pays = (id: string) => {
    const order = JSON.stringify({ order: "by-agent" });
    const turn = completes(null, [
      ["pay-verify", order],
      ["pay-keyed", order],
    ]);
    return (...[response, asked]: Parameters<typeof turn>) => {
      const end = response.end.bind(response);
      response.end = ((text: string) => end(text.replaceAll("call_", id))) as typeof response.end;
      turn(response, asked);
    };
  };
  upstream.play(pays("a_"), never);
  const step = await orchestrator.give({ $case: "agent", value: { agent: "payer", input: "pay" } });
  await eventually(() => upstream.asked.length === 2, { what: "the turn after the effects" });
  await replace();
  upstream.play(pays("b_"), completes("paid"));
  await orchestrator.giveAgain(step, { attempt: 2 });
  assert.deepEqual(outputOf(await orchestrator.resultOf(step)), { text: "paid" });
  assert.equal(server.effectsOf("by-agent"), 2, "one of each tool");
  const keys = server.callsOf("by-agent").map(({ key = "" }) => key.split(":").slice(0, 2).join(":"));
  const asked = ["pay-verify", "pay-keyed", "pay-keyed"].map((tool) => `${step.key}:${tool}`);
  assert.deepEqual(keys.sort(), asked.sort(), "the one that takes no key was called once");
  assert.equal(new Set(server.callsOf("by-agent").map(({ key }) => key)).size, 2);
});

test("frozen past its lease before the call: when it wakes it sends nothing, though the other system takes no key", async () => {
  const release = Promise.withResolvers<void>();
  orchestrator.hold = release.promise;
  const work = toolWork("pay-unkeyed", { order: "frozen" });
  const step = await orchestrator.give(work, { leaseMs: 1_000 });
  const claimedAtMs = performance.now();
  orchestrator.hold = undefined;
  replica.signal("SIGSTOP");
  release.resolve();
  await using other = await startReplica(mesh, upstream.origin);
  await eventually(() => performance.now() - claimedAtMs > 1_000, { what: "the lease to end" });
  await orchestrator.giveAgain(step);
  assert.deepEqual(outputOf(await orchestrator.resultOf(step)), { receipt: `frozen-${server.effects.length}` });
  replica.signal("SIGCONT");
  await assertSettled(other);
  assert.deepEqual([server.callsOf("frozen").length, server.effectsOf("frozen")], [1, 1]);
});

test("a run of its own, frozen between two effects: when it wakes it sends nothing more", async () => {
  const release = Promise.withResolvers<void>();
  const pays = (order: string) => completes(null, [["pay-keyed", JSON.stringify({ order })]]);
  upstream.play(pays("first"), (...given) => void release.promise.then(() => pays("second")(...given)), never);
  const token = await mesh.callers.token({ permissions: everything, subject: "user:ada" });
  const { id } = await replica.client.runAgent({ agent: "payer", text: "pay", detached: true }, { token });
  await eventually(() => upstream.asked.length === 2, { what: "the turn after the first effect" });
  replica.signal("SIGSTOP");
  release.resolve();
  await using other = await startReplica(mesh, upstream.origin);
  const ended = await eventually(
    async () => {
      const run = await other.client.getAgentRun({ id }, { token });
      return run.endedAt && run;
    },
    { what: "the other to end the run" },
  );
  assert.equal(ended.failure?.code, "OWNER_LOST");
  replica.signal("SIGCONT");
  await assertSettled(other);
  assert.deepEqual([server.effectsOf("first"), server.callsOf("second").length], [1, 0]);
});

/** Another step through both replicas, and time for whatever one of them still has to do. */
async function assertSettled(other: Replica): Promise<void> {
  await wait(500);
  other.signal("SIGKILL");
  await other.exited;
  const next = await orchestrator.give(toolWork("paid", { order: "nobody's" }));
  assert.equal(outputOf(await orchestrator.resultOf(next)), "FAILED_PRECONDITION");
}

test("frozen while it asks: when it wakes others have the effect, and it does not have it again", async () => {
  const order = "asked";
  const db = await openEffectDb();
  const work = toolWork("pay-verify", { order });
  server.asking = "held";
  const asked = server.asked();
  const step = await orchestrator.give(work, { leaseMs: 1_000, before: (key: string) => insertIntent(db, key, order) });
  await eventually(() => server.asked() > asked, { what: "it to ask" });
  replica.signal("SIGSTOP");
  server.asking = "answers";
  await using other = await startReplica(mesh, upstream.origin);
  await orchestrator.giveAgain(step);
  const first = outputOf(await orchestrator.resultOf(step));
  replica.signal("SIGCONT");
  await assertSettled(other);
  assert.deepEqual(first, { receipt: `${order}-${server.effects.length}` });
  assert.deepEqual([server.callsOf(order).length, server.effectsOf(order)], [1, 1]);
});

async function openEffectDb(): Promise<Database> {
  const log = createLogger({ service: "test", environment: "test", version: "0", level: "error" });
  const url = mesh.environment.postgresUrl;
  return stack.use(await openDatabase({ url, schema: "agent_runner", migrations: [], log, maxConnections: 1 }));
}

/** What an attempt leaves that died a while ago. */
async function insertIntent(db: Database, key: string, order: string): Promise<void> {
  const hash = sha256Hex(`{"args":{"order":"${order}"},"tool":"pay-verify"}`);
  await db.query(
    `INSERT INTO effect (tenant, key, tool, state, attempt, token, request_hash, busy_until)
     VALUES ('acme', $1, 'pay-verify', 'INTENT', 1, $2, $3, now())`,
    [key, newId(), hash],
  );
}
