import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { eventually } from "@agentmesh/harness";
import { AgentRun_State } from "@agentmesh/proto/runner";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import type { Client } from "@agentmesh/rpc";
import type { Running } from "@agentmesh/service";
import { everything, startTestMesh, type TestMesh } from "./mesh.ts";
import { startReplica } from "./replica.ts";
import { completes, never, type Script, type ScriptedUpstream, startUpstream } from "./scripted-upstream.ts";

// Sessions over replicas on one database. The provider answers with what it was told, so that a turn that was lost or
// came in between would show.
let stack: AsyncDisposableStack;
let mesh: TestMesh;
let upstream: ScriptedUpstream;
let clients: Client<typeof runnerContract>[];
let token: string;
// Replicas that are killed have a lease of a second; those in this process are not to lose theirs to a busy machine.
const runs = { leaseMs: 30_000, sweepMs: 100, sessionWaitMs: 30_000 };

before(async () => {
  stack = new AsyncDisposableStack();
  upstream = stack.use(await startUpstream());
  mesh = await startTestMesh(stack, {
    cache: false,
    runner: {
      models: { retryDelayMs: 10, providers: { openai: { apiKey: "sk-test", baseUrl: `${upstream.origin}/v1` } } },
      runs,
      // A probe would take one of the script's answers.
      health: { everyMs: 600_000 },
    },
  });
  const more: Running[] = [stack.use(await mesh.startRunner()), stack.use(await mesh.startRunner())];
  clients = [mesh.runner];
  for (const { port } of more) clients.push(await mesh.callers.client(runnerContract, port));
  token = await mesh.callers.token({ permissions: everything, subject: "user:ada" });
});

after(() => stack.disposeAsync());

async function apply(name: string, memory: object): Promise<void> {
  const limits = { turns: 1, timeoutMs: 20_000, retries: 0 };
  const spec = { model: "openai/gpt-4.1-mini", instructions: "answer", limits, memory };
  await mesh.runner.applyResource({ kind: "Agent", name, spec }, { token });
  // Replicas learn as the snapshot comes.
  for (const client of clients) {
    await eventually(
      async () => {
        upstream.play(completes("ready"));
        return (
          (await client.runAgent({ agent: name, text: "are you there" }, { token })).state === AgentRun_State.SUCCEEDED
        );
      },
      { what: `${name} on each replica` },
    );
  }
}

type Message = { role: string; content: string };

function messagesOf(body: string): Message[] {
  return JSON.parse(body).messages;
}

/** Answers with a word of its own, after a moment in which a second writer could slip in. */
function answersInTurn(seen: Message[][], open: { count: number; most: number }): Script {
  return (response, asked) => {
    const messages = messagesOf(asked.body);
    seen.push(messages);
    open.count += 1;
    open.most = Math.max(open.most, open.count);
    void wait(Math.random() * 8).then(() => {
      open.count -= 1;
      completes(`re: ${messages.at(-1)?.content}`)(response, asked);
    });
  };
}

test("100 runs at a time in one session over 3 replicas: none is lost, none comes in between", async () => {
  await apply("chatty", { maxTurns: 200, maxBytes: 1_000_000 });
  const seen: Message[][] = [];
  const open = { count: 0, most: 0 };
  upstream.play(answersInTurn(seen, open));
  const texts = Array.from({ length: 100 }, (_, at) => `message ${at}`);
  const ended = await Promise.all(
    texts.map((text, at) => clients[at % 3]?.runAgent({ agent: "chatty", text, session: "s" }, { token })),
  );
  assert.ok(ended.every((run) => run?.state === AgentRun_State.SUCCEEDED));
  assert.equal(open.most, 1, "one writer at a time");
  const { turns, recent } = await mesh.runner.getSession({ agent: "chatty", session: "s" }, { token });
  assert.equal(turns, 100);
  assert.deepEqual(
    recent.map(({ turn }) => turn),
    texts.map((_, at) => at + 1),
  );
  assert.deepEqual(recent.map(({ input }) => input).sort(), [...texts].sort());
  assert.ok(recent.every(({ input, answer }) => answer === `re: ${input}`));
  const told = recent.flatMap(({ input, answer }) => [
    { role: "user", content: input },
    { role: "assistant", content: answer },
  ]);
  for (const [at, messages] of seen.entries()) {
    assert.deepEqual(messages.slice(1, -1), told.slice(0, at * 2), `what run ${at} was told`);
  }
});

test("of two sessions, two users and two agents none sees another's turns; a shared one is seen by all", async () => {
  await apply("private", {});
  await apply("public", { shared: true });
  const bob = await mesh.callers.token({ permissions: everything, subject: "user:bob" });
  const seen: Message[][] = [];
  upstream.play(answersInTurn(seen, { count: 0, most: 0 }));
  const say = (agent: string, session: string, as: string, text: string) =>
    mesh.runner.runAgent({ agent, session, text }, { token: as });
  await say("private", "a", token, "ada's");
  await say("private", "a", bob, "bob's");
  await say("private", "b", token, "other");
  assert.ok(seen.every((messages) => messages.length === 2));
  await say("public", "a", token, "ada's");
  await say("public", "a", bob, "bob's");
  assert.deepEqual(
    seen.at(-1)?.map(({ content }) => content),
    ["answer", "ada's", "re: ada's", "bob's"],
  );
  const { sessions } = await mesh.runner.listSessions({ agent: "private" }, { token: bob });
  assert.deepEqual(
    sessions.map(({ session, subject, turns }) => [session, subject, turns]),
    [["a", "user:bob", 1]],
  );
  assert.equal((await mesh.runner.deleteSession({ agent: "private", session: "a" }, { token: bob })).deleted, true);
  await assert.rejects(mesh.runner.getSession({ agent: "private", session: "a" }, { token: bob }), {
    reason: "SESSION_NOT_FOUND",
  });
  assert.equal((await mesh.runner.getSession({ agent: "private", session: "a" }, { token })).turns, 1);
});

test("older turns are summarised, once, and what is told stays within its bounds", async () => {
  await apply("forgetful", { maxTurns: 4 });
  const seen: Message[][] = [];
  let summaries = 0;
  upstream.play((response, asked) => {
    const messages = messagesOf(asked.body);
    if (messages[0]?.content.startsWith("Summarise")) {
      summaries += 1;
      return completes(`summary ${summaries}`)(response, asked);
    }
    seen.push(messages);
    completes("ok")(response, asked);
  });
  for (let at = 0; at < 9; at++) {
    await mesh.runner.runAgent({ agent: "forgetful", text: `m${at}`, session: "s" }, { token });
  }
  assert.ok(seen.every((messages) => messages.length <= 2 + 4 * 2 + 1));
  assert.equal(summaries, 2);
  const { turns, summary, recent } = await mesh.runner.getSession({ agent: "forgetful", session: "s" }, { token });
  assert.deepEqual([turns, summary], [9, "summary 2"]);
  assert.equal(recent.at(-1)?.turn, 9);
  assert.match(seen.at(-1)?.[1]?.content ?? "", /in short:\nsummary 2$/);
});

test("the embedded model summarises as well, the same way each time", async () => {
  const spec = { model: "embedded/lexical-1", instructions: "Answer.", memory: { maxTurns: 2 } };
  await mesh.runner.applyResource({ kind: "Agent", name: "offline", spec }, { token });
  const summaries: string[] = [];
  for (const session of ["one", "two"]) {
    for (const text of ["My printer is a Brother.", "It prints blank pages.", "I changed the toner.", "What now?"]) {
      const run = await mesh.runner.runAgent({ agent: "offline", session, text }, { token });
      assert.equal(run.state, AgentRun_State.SUCCEEDED, run.failure?.message);
    }
    summaries.push((await mesh.runner.getSession({ agent: "offline", session }, { token })).summary);
  }
  assert.ok(summaries[0] && summaries[0].length > 10);
  assert.equal(summaries[0], summaries[1]);
});

test("what users say of themselves is recalled where it fits, by no one else, until it is erased", async () => {
  await apply("friend", { longTerm: true, recall: 2 });
  const seen: Message[][] = [];
  upstream.play(answersInTurn(seen, { count: 0, most: 0 }));
  const say = (text: string, as: string) => mesh.runner.runAgent({ agent: "friend", text }, { token: as });
  await say("My printer is a Brother HL-2350. I live in Lyon. Can you help?", token);
  await say("The printer is broken", token);
  assert.deepEqual(seen.at(-1)?.slice(1, -1), [
    { role: "system", content: "What is known of this user:\n- My printer is a Brother HL-2350." },
  ]);
  const bob = await mesh.callers.token({ permissions: everything, subject: "user:bob" });
  await say("The printer is broken", bob);
  assert.equal(seen.at(-1)?.length, 2);
  assert.equal((await mesh.runner.eraseMemory({}, { token: bob })).facts, 0);
  assert.equal((await mesh.runner.eraseMemory({ agent: "friend" }, { token })).facts, 2);
  await say("The printer is broken", token);
  assert.equal(seen.at(-1)?.length, 2);
});

test("a session that stays busy refuses with a hint; it is not erased under a run", async () => {
  await apply("slow", {});
  const hasty = stack.use(await mesh.startRunner({ runs: { ...runs, sessionWaitMs: 100 } }));
  const client = await mesh.callers.client(runnerContract, hasty.port);
  upstream.play(never);
  const first = await mesh.runner.runAgent({ agent: "slow", text: "x", session: "s", detached: true }, { token });
  await eventually(() => upstream.asked.length === 1, { what: "the first run to have its turn" });
  await assert.rejects(client.runAgent({ agent: "slow", text: "y", session: "s" }, { token }), {
    code: "RESOURCE_EXHAUSTED",
    reason: "SESSION_BUSY",
    retryAfterMs: 100,
  });
  await assert.rejects(mesh.runner.deleteSession({ agent: "slow", session: "s" }, { token }), {
    reason: "SESSION_BUSY",
  });
  await mesh.runner.cancelAgentRun({ id: first.id }, { token });
  upstream.play(completes("fine"));
  assert.equal((await client.runAgent({ agent: "slow", text: "z", session: "s" }, { token })).text, "fine");
  assert.equal((await mesh.runner.getSession({ agent: "slow", session: "s" }, { token })).turns, 1);
});

test("a replica killed in its turn keeps its place: the turn is made by another, before those that wait", async () => {
  await apply("orphaned", {});
  await using replica = await startReplica(mesh, upstream.origin);
  const seen: Message[][] = [];
  let asked = 0;
  const inTurn = answersInTurn(seen, { count: 0, most: 0 });
  upstream.play((response, request) => {
    asked += 1;
    if (asked > 1) inTurn(response, request);
  });
  const first = await replica.client.runAgent(
    { agent: "orphaned", text: "first", session: "s", detached: true },
    { token },
  );
  await eventually(() => asked === 1, { what: "the first run to have its turn" });
  const second = mesh.runner.runAgent({ agent: "orphaned", text: "second", session: "s" }, { token });
  replica.signal("SIGKILL");
  assert.equal((await second).state, AgentRun_State.SUCCEEDED);
  const { recent } = await mesh.runner.getSession({ agent: "orphaned", session: "s" }, { token });
  assert.deepEqual(
    recent.map(({ input }) => input),
    ["first", "second"],
  );
  assert.equal((await mesh.runner.getAgentRun({ id: first.id }, { token })).attempt, 2);
});
