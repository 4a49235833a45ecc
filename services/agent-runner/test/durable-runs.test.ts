import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { streamAgent } from "@agentmesh/client";
import { eventually } from "@agentmesh/harness";
import { costContract } from "@agentmesh/proto/cost.contract";
import { AgentRun_State, type AgentRunEvent } from "@agentmesh/proto/runner";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import type { Client } from "@agentmesh/rpc";
import { everything, startTestMesh, type TestMesh } from "./mesh.ts";
import { type Replica, startReplica } from "./replica.ts";
import { completes, never, type ScriptedUpstream, startUpstream, streams } from "./scripted-upstream.ts";

// Replicas are killed, frozen and drained while a scripted provider streams; PostgreSQL, NATS and cost are real.
let stack: AsyncDisposableStack;
let mesh: TestMesh;
let upstream: ScriptedUpstream;
let token: string;
let otherToken: string;
// A health probe would take one of the script's answers.
const settings = { health: { everyMs: 600_000 }, runs: { leaseMs: 20_000, sweepMs: 100 }, worker: { drainMs: 100 } };

before(async () => {
  stack = new AsyncDisposableStack();
  upstream = stack.use(await startUpstream());
  mesh = await startTestMesh(stack, {
    cache: false,
    runner: {
      models: { retryDelayMs: 10, providers: { openai: { apiKey: "sk-test", baseUrl: `${upstream.origin}/v1` } } },
      ...settings,
    },
  });
  token = await mesh.callers.token({ permissions: everything, subject: "user:ada" });
  otherToken = await mesh.callers.token({ permissions: ["agent:execute", "agent:read"], subject: "user:bob" });
  const spec = {
    description: "Send something",
    effect: "effectful",
    parameters: { type: "object" },
    source: { type: "identity" },
  };
  await mesh.runner.applyResource({ kind: "Tool", name: "send", spec }, { token });
  const limits = { turns: 3, timeoutMs: 20_000, retries: 0 };
  const agent = { model: "openai/gpt-4.1-mini", instructions: "answer", limits, cache: { mode: "off" } };
  await mesh.runner.applyResource({ kind: "Agent", name: "talker", spec: agent }, { token });
  await mesh.runner.applyResource({ kind: "Agent", name: "sender", spec: { ...agent, tools: ["send"] } }, { token });
});

after(() => stack.disposeAsync());

function delta(content: object, finish_reason: string | null = null): object {
  return { choices: [{ index: 0, delta: content, finish_reason }] };
}

/** Longer than what the stream's inspection holds back. */
const half = "first half ".repeat(100);
const whole = [delta({ content: "all of " }), delta({ content: "it" }), delta({}, "stop"), "[DONE]"];

/** A client whose streams begin at one replica and are resumed at another. */
function across(first: Client<typeof runnerContract>, second: Client<typeof runnerContract>) {
  return {
    streamAgent: (request: Parameters<typeof first.streamAgent>[0]) => first.streamAgent(request, { token }),
    resumeAgentRun: (request: Parameters<typeof first.resumeAgentRun>[0]) => second.resumeAgentRun(request, { token }),
    cancelAgentRun: (request: Parameters<typeof first.cancelAgentRun>[0]) => second.cancelAgentRun(request, { token }),
  };
}

async function collect(events: AsyncIterable<AgentRunEvent>): Promise<AgentRunEvent[]> {
  const all: AgentRunEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

function kindsOf(events: readonly AgentRunEvent[]): string[] {
  const kinds = events.map((event) => event.event?.$case ?? "");
  return kinds.filter((kind, at) => kind !== "textDelta" || kinds[at - 1] !== "textDelta");
}

function assertWithoutGap(events: readonly AgentRunEvent[], after = 0): void {
  assert.deepEqual(
    events.map(({ seq }) => seq),
    events.map((_, at) => after + at + 1),
  );
}

async function ledgerOf(runId: string) {
  const client = await mesh.callers.client(costContract, mesh.cost.port);
  return (await client.listLedger({ runId }, { token })).rows.sort((a, b) => a.attemptId.localeCompare(b.attemptId));
}

/** Runs `talker` on a replica and does something to it when its first text is here. */
async function interrupted(replica: Replica, agent: string, interrupt: () => void): Promise<AgentRunEvent[]> {
  const events: AgentRunEvent[] = [];
  for await (const event of streamAgent(across(replica.client, mesh.runner), { agent, text: "go" })) {
    events.push(event);
    if (event.event?.$case === "textDelta" && events.filter((e) => e.event?.$case === "textDelta").length === 1) {
      interrupt();
    }
  }
  return events;
}

test("kill -9 in a stream: the reader resumes elsewhere, and both attempts stand in the ledger", async () => {
  await using replica = await startReplica(mesh, upstream.origin);
  upstream.play(streams([delta({ content: half })], "hang"), streams(whole));
  const events = await interrupted(replica, "talker", () => replica.signal("SIGKILL"));
  assertWithoutGap(events);
  assert.deepEqual(kindsOf(events), ["started", "textDelta", "restarted", "started", "textDelta", "ended"]);
  const restarted = events.find(({ event }) => event?.$case === "restarted")?.event;
  assert.deepEqual(restarted?.$case === "restarted" && restarted.value, { attempt: 2, reason: "OWNER_LOST" });
  const last = events.at(-1)?.event;
  assert.ok(last?.$case === "ended");
  assert.deepEqual([last.value.text, last.value.attempt], ["all of it", 2]);
  const { id } = last.value;
  assert.equal((await mesh.runner.getAgentRun({ id }, { token })).text, "all of it");
  const rows = await eventually(
    async () => {
      const found = await ledgerOf(id);
      return found.length === 2 && found;
    },
    { what: "both attempts in the ledger" },
  );
  assert.deepEqual(
    rows.map((row) => row.attemptId),
    [`${id}:1:1`, `${id}:2:1`],
  );
  assert.ok((rows[0]?.outputTokens ?? 0n) > 100n, "what the dead replica heard is paid for");
  assert.deepEqual(kindsOf(await collect(mesh.runner.resumeAgentRun({ id, afterSeq: 1 }, { token }))), [
    "textDelta",
    "restarted",
    "started",
    "textDelta",
    "ended",
  ]);
});

test("a replica that froze is fenced: it writes nothing when it wakes, and its usage is in the ledger once", async () => {
  await using replica = await startReplica(mesh, upstream.origin);
  let finish = () => {};
  upstream.play((response) => {
    streams([delta({ content: half })], "hang")(response, { path: "", headers: {}, body: "" });
    finish = () => {
      for (const event of whole)
        response.write(`data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`);
      response.end();
    };
  }, streams(whole));
  const reading = replica.client.streamAgent({ agent: "talker", text: "go" }, { token })[Symbol.asyncIterator]();
  const seen: AgentRunEvent[] = [];
  while (seen.at(-1)?.event?.$case !== "textDelta") seen.push((await reading.next()).value);
  const id = seen[0]?.runId ?? "";
  replica.signal("SIGSTOP");
  const rest = await collect(mesh.runner.resumeAgentRun({ id, afterSeq: seen.length }, { token }));
  assertWithoutGap([...seen, ...rest]);
  const before = await mesh.runner.getAgentRun({ id }, { token });
  finish();
  replica.signal("SIGCONT");
  await reading.return?.();
  // Its next run ends after whatever it still had to write.
  upstream.play(completes("again"));
  await replica.client.runAgent({ agent: "talker", text: "next" }, { token });
  assert.deepEqual(await mesh.runner.getAgentRun({ id }, { token }), before);
  const all = await collect(mesh.runner.resumeAgentRun({ id, afterSeq: 0 }, { token }));
  assertWithoutGap(all);
  assert.equal(all.filter(({ event }) => event?.$case === "ended").length, 1);
  const rows = await eventually(async () => (await ledgerOf(id)).length === 2 && ledgerOf(id), { what: "the ledger" });
  assert.deepEqual(
    rows.map((row) => row.attemptId),
    [`${id}:1:1`, `${id}:2:1`],
  );
});

test("after a tool with an effect a run is not begun anew", async () => {
  await using replica = await startReplica(mesh, upstream.origin);
  const call = { tool_calls: [{ index: 0, id: "c", function: { name: "send", arguments: '{"what":"x"}' } }] };
  upstream.play(
    streams([delta(call), delta({}, "tool_calls"), "[DONE]"]),
    streams([delta({ content: half })], "hang"),
    streams(whole),
  );
  const events = await interrupted(replica, "sender", () => replica.signal("SIGKILL"));
  const last = events.at(-1)?.event;
  assert.ok(last?.$case === "ended");
  assert.deepEqual([last.value.state, last.value.failure?.code], [AgentRun_State.FAILED, "OWNER_LOST"]);
  assert.equal(upstream.asked.length, 2);
  const { id } = last.value;
  const rows = await eventually(async () => (await ledgerOf(id)).length === 2 && ledgerOf(id), { what: "the ledger" });
  assert.ok(rows.every((row) => row.costNanoUsd > 0n));
});

test("a replica that is told to end gives its runs up, and another goes on with them", async () => {
  await using leaving = await mesh.startRunner(settings);
  const client = await mesh.callers.client(runnerContract, leaving.port);
  upstream.play(streams([delta({ content: half })], "hang"), streams(whole));
  const run = await client.runAgent({ agent: "talker", text: "go", detached: true }, { token });
  assert.equal(run.state, AgentRun_State.RUNNING);
  assert.equal((await mesh.runner.getAgentRun({ id: run.id }, { token })).state, AgentRun_State.RUNNING);
  await eventually(() => upstream.asked.length === 1, { what: "the call upstream" });
  const reading = collect(mesh.runner.resumeAgentRun({ id: run.id, afterSeq: 0 }, { token }));
  await leaving[Symbol.asyncDispose]();
  const events = await reading;
  assertWithoutGap(events);
  assert.equal(events.at(-1)?.event?.$case, "ended");
  assert.ok(kindsOf(events).includes("restarted"));
});

test("a cancel reaches the provider on whichever replica runs it; others' runs are not found", async () => {
  await using other = await mesh.startRunner(settings);
  const client = await mesh.callers.client(runnerContract, other.port);
  let isClosed = false;
  upstream.play((response, asked) => {
    response.on("close", () => {
      isClosed = true;
    });
    never(response, asked);
  });
  const { id } = await client.runAgent({ agent: "talker", text: "go", detached: true }, { token });
  await eventually(() => upstream.asked.length === 1, { what: "the call upstream" });
  await assert.rejects(mesh.runner.cancelAgentRun({ id }, { token: otherToken }), { reason: "RUN_NOT_FOUND" });
  await assert.rejects(collect(mesh.runner.resumeAgentRun({ id }, { token: otherToken })), { reason: "RUN_NOT_FOUND" });
  const startedAtMs = performance.now();
  await mesh.runner.cancelAgentRun({ id }, { token });
  const events = await collect(mesh.runner.resumeAgentRun({ id }, { token }));
  const last = events.at(-1)?.event;
  assert.ok(last?.$case === "ended");
  assert.equal(last.value.state, AgentRun_State.CANCELLED);
  assert.ok(performance.now() - startedAtMs < 4_000, "by hint, not by heartbeat");
  await eventually(() => isClosed, { what: "the provider's connection to be closed" });
  assert.equal((await mesh.runner.cancelAgentRun({ id }, { token })).run?.state, AgentRun_State.CANCELLED);
});

test("a reader who leaves can come back: the run goes on without one", async () => {
  let finish = () => {};
  upstream.play((response) => {
    streams([delta({ content: half })], "hang")(response, { path: "", headers: {}, body: "" });
    finish = () => {
      for (const event of whole)
        response.write(`data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`);
      response.end();
    };
  });
  const seen: AgentRunEvent[] = [];
  for await (const event of mesh.runner.streamAgent({ agent: "talker", text: "go" }, { token })) {
    seen.push(event);
    if (event.event?.$case === "textDelta") break;
  }
  finish();
  const id = seen[0]?.runId ?? "";
  const rest = await collect(mesh.runner.resumeAgentRun({ id, afterSeq: seen.length }, { token }));
  assertWithoutGap(rest, seen.length);
  const last = rest.at(-1)?.event;
  assert.ok(last?.$case === "ended");
  assert.equal(last.value.text, `${half}all of it`);
  assert.deepEqual(await collect(mesh.runner.resumeAgentRun({ id, afterSeq: rest.at(-1)?.seq ?? 0 }, { token })), []);
});

test("a reader who is told to stop cancels the run where that was asked for", async () => {
  upstream.play(streams([delta({ content: half })], "hang"));
  const stop = new AbortController();
  let id = "";
  const reading = (async () => {
    const runner = {
      ...across(mesh.runner, mesh.runner),
      streamAgent: (request: object, options: object = {}) => mesh.runner.streamAgent(request, { ...options, token }),
    };
    for await (const event of streamAgent(
      runner,
      { agent: "talker", text: "go" },
      { signal: stop.signal, cancelOnAbort: true },
    )) {
      id = event.runId;
      if (event.event?.$case === "textDelta") stop.abort();
    }
  })();
  await assert.rejects(reading, { code: "CANCELLED" });
  await eventually(async () => (await mesh.runner.getAgentRun({ id }, { token })).state === AgentRun_State.CANCELLED, {
    what: "the run to be cancelled",
  });
});
