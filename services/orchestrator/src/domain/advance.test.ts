import assert from "node:assert/strict";
import { test } from "node:test";
import { limits, result, startWorld } from "./advance.fixture.ts";

const tool = (id: string, more: object = {}) => ({ id, kind: "tool", tool: "echo", ...more });

test("steps in a row: each starts when the one before is done, with its output", () => {
  const world = startWorld(
    {
      steps: [tool("a", { input: { n: "$.input.n" } }), tool("b", { dependsOn: ["a"], input: "$.steps.a.output" })],
      output: { a: "$.steps.a.output.v", b: "$.steps.b.state" },
    },
    { n: 4 },
  );
  assert.equal(world.log[0]?.inputs.get("a"), '{"n":4}');
  assert.equal(world.state("b"), "pending");
  assert.equal(world.done("a", { v: 1 }), true);
  assert.equal(world.log.at(-1)?.inputs.get("b"), '{"v":1}');
  world.done("b");
  assert.equal(world.run.phase, "succeeded");
  assert.deepEqual(world.run.output, { a: 1, b: "succeeded" });
  assert.equal(world.run.costNanoUsd, 10n);
  assert.deepEqual(
    world.log.flatMap((advance) => advance.events.map((event) => event.type)),
    ["run.started", "step.dispatched", "step.succeeded", "step.dispatched", "step.succeeded", "run.succeeded"],
  );
});

test("a join waits for all its branches, also when their results come together", () => {
  const world = startWorld({ steps: [tool("a"), tool("b"), tool("c", { dependsOn: ["a", "b"] })] });
  const [a, b] = [world.claim("a"), world.claim("b")];
  const joined = world.act(result("a", a, {}), result("b", b, {}));
  assert.deepEqual(
    joined.dispatches.map((dispatch) => dispatch.node),
    ["c"],
  );
});

test("a false condition skips a step and what depends on it goes on", () => {
  const world = startWorld(
    {
      steps: [
        tool("a", { when: { value: "$.input.vip", equals: true } }),
        tool("b", { dependsOn: ["a"], input: { a: "$.steps.a.output", s: "$.steps.a.state" } }),
      ],
    },
    { vip: false },
  );
  assert.equal(world.state("a"), "skipped");
  assert.equal(world.log[0]?.inputs.get("b"), '{"a":null,"s":"skipped"}');
});

test("emit steps publish in the same advance with an id of run and node, and chains of them end the run", () => {
  const event = { type: "ticket.triaged", key: "$.input.id" };
  const world = startWorld(
    {
      steps: [
        { id: "e1", kind: "emit", event, input: { team: "$.input.team" } },
        {
          id: "e2",
          kind: "emit",
          event: { type: "ticket.closed" },
          dependsOn: ["e1"],
          input: "$.steps.e1.output.eventId",
        },
      ],
    },
    { id: 7, team: "billing" },
  );
  assert.deepEqual(world.log[0]?.emits, [
    { id: "run-1:e1", type: "ticket.triaged", key: "7", json: '{"team":"billing"}' },
    { id: "run-1:e2", type: "ticket.closed", key: "run-1", json: '"run-1:e1"' },
  ]);
  assert.equal(world.run.phase, "succeeded");
});

test("an event too large for a message fails its step instead of the outbox", () => {
  const world = startWorld(
    { steps: [{ id: "e", kind: "emit", event: { type: "big" }, input: "$.input" }] },
    { text: "x".repeat(600_000) },
  );
  assert.equal(world.run.phase, "failed");
  assert.match(world.run.failure?.message ?? "", /step e: its input has 600011 bytes, more than 524288/);
});

test("failures are retried with backoff as long as attempts last; an error that cannot be retried fails at once", () => {
  const world = startWorld({ steps: [tool("a", { retry: { attempts: 3, delayMs: 1000 } })] });
  assert.equal(world.fail("a"), true);
  assert.deepEqual([world.state("a"), world.run.steps.get("a")?.readyAtMs], ["ready", world.nowMs + 1000]);
  world.nowMs += 999;
  world.act({ kind: "tick" });
  assert.equal(world.state("a"), "ready");
  world.nowMs += 1;
  assert.deepEqual(world.act({ kind: "tick" }).dispatches, [{ node: "a", shard: 0, epoch: 2, again: false }]);
  world.fail("a");
  world.nowMs += 2000;
  world.act({ kind: "tick" });
  world.fail("a");
  assert.equal(world.run.phase, "failed");
  assert.deepEqual(world.run.failure, { code: "UNAVAILABLE", message: "step a: the tool is away", retryable: false });
  const other = startWorld({ steps: [tool("a")] });
  other.fail("a", { retryable: false });
  assert.equal(other.run.phase, "failed");
});

test("onFailure continue lets the run go on and says so", () => {
  const world = startWorld({
    steps: [tool("a", { onFailure: "continue" }), tool("b", { dependsOn: ["a"] })],
    output: "$.steps.a.state",
  });
  world.fail("a", { retryable: false });
  world.done("b");
  assert.deepEqual([world.run.phase, world.run.output], ["succeeded", "failed"]);
});

test("a worker that offers itself gets what comes next, as far as it has places and nothing waits before it", () => {
  const spec = { steps: [tool("a"), tool("b", { dependsOn: ["a"] }), tool("c", { dependsOn: ["a"] })] };
  const offer = { worker: "w1", places: 1 };
  const offered = (credit: number) => {
    const world = startWorld(spec, {}, () => 1, { offer: { worker: "w0", places: 0 } });
    world.more = { offer };
    world.claim("a");
    world.credit = credit;
    const { handed, dispatches, changed } = world.act(result("a", 1, { output: {} }));
    return {
      world,
      handed,
      sent: dispatches.map(({ node }) => node),
      queued: changed.filter((step) => step.queued).length,
    };
  };
  const { world, handed, sent } = offered(10);
  assert.deepEqual([handed, sent], [["b"], ["c"]]);
  const { state, worker, epoch, leaseUntilMs } = world.step("b");
  assert.deepEqual([state, worker, epoch, leaseUntilMs], ["running", "w1", 1, world.nowMs + limits.leaseMs]);
  assert.equal(world.act(result("b", 1, { output: {} })).answers[0], true, "without a claim");
  const busy = offered(0);
  assert.deepEqual([busy.handed, busy.sent, busy.queued], [[], [], 2]);
});

test("what was handed over in the advance in which the run fails goes to nobody and is not undone", () => {
  const undo = { compensate: { tool: "undo" } };
  const steps = [tool("a"), tool("x", undo), tool("b", { dependsOn: ["a"], ...undo })];
  const world = startWorld({ steps });
  world.claim("a");
  world.claim("x");
  world.more = { offer: { worker: "w1", places: 2 } };
  const failure = { code: "BROKEN", message: "no", retryable: false };
  const { handed, changed } = world.act(result("a", 1, { output: {} }), result("x", 1, { failure }));
  assert.deepEqual(handed, []);
  assert.ok(changed.every((step) => step.state !== "running"));
  assert.equal(world.run.phase, "failed");
});

test("what a gate did not let pass was done all the same: it is undone when the run fails", () => {
  const more = { gate: { value: "$.output.score", onFail: "retry" }, compensate: { tool: "undo" } };
  const world = startWorld({ steps: [tool("a", more)] });
  world.done("a", { score: 0 });
  world.fail("a", { code: "BROKEN", retryable: false });
  assert.equal(world.run.phase, "compensating");
  assert.equal(world.state("a~undo"), "dispatched");
  const strict = startWorld({ steps: [tool("a", { ...more, gate: { value: "$.output.score" } })] });
  strict.done("a", { score: 0 });
  assert.equal(strict.state("a~undo"), "dispatched");
});

test("a gate may ask how good an answer was found to be", () => {
  const gate = { value: "$.quality", atLeast: 0.8 };
  for (const [quality, state] of [
    [0.9, "succeeded"],
    [0.7, "failed"],
    [undefined, "failed"],
  ] as const) {
    const world = startWorld({ steps: [tool("a", { gate })] });
    world.act(result("a", world.claim("a"), { output: { text: "yes" }, quality }));
    assert.equal(world.state("a"), state, String(quality));
  }
});

test("a gate passes, retries, lets pass or fails", () => {
  const gated = (gate: object) => startWorld({ steps: [tool("a", { gate: { value: "$.output.score", ...gate } })] });
  const passing = gated({});
  passing.done("a", { score: 0.8 });
  assert.equal(passing.run.phase, "succeeded");
  const retrying = gated({ onFail: "retry", retries: 1 });
  retrying.done("a", { score: 0.5 });
  assert.deepEqual([retrying.state("a"), retrying.run.steps.get("a")?.epoch], ["dispatched", 2]);
  retrying.done("a", { score: 0.5 });
  assert.equal(retrying.run.failure?.code, "GATE_FAILED");
  const lenient = gated({ onFail: "continue" });
  lenient.done("a", {});
  assert.equal(lenient.run.phase, "succeeded");
  const strict = gated({});
  strict.done("a", { score: "0.9" });
  assert.match(strict.run.failure?.message ?? "", /\$\.output\.score to be at least 0\.8, and it is "0\.9"/);
});

test("stale results are refused, repeats are fine", () => {
  const world = startWorld({ steps: [tool("a"), tool("b")] });
  assert.deepEqual(world.act(result("a", 1, {})).answers, [false], "never claimed");
  const epoch = world.claim("a");
  assert.deepEqual(world.act(result("a", epoch + 1, {})).answers, [false]);
  assert.deepEqual(world.act(result("a", epoch, { worker: "w2" })).answers, [false]);
  assert.deepEqual(world.act(result("a", epoch, {})).answers, [true]);
  const repeat = world.act(result("a", epoch, {}));
  assert.deepEqual([repeat.answers, repeat.changed, repeat.events], [[true], [], []]);
  assert.equal(world.run.costNanoUsd, 5n, "a repeat costs nothing");
});

test("a lost lease is taken over with a new epoch, and a step that eats workers fails", () => {
  const world = startWorld({ steps: [tool("a")] });
  const first = world.claim("a");
  world.nowMs += 30_000;
  world.act({ kind: "tick" });
  assert.deepEqual([world.state("a"), world.run.steps.get("a")?.attempt], ["ready", 1]);
  assert.deepEqual(world.act(result("a", first, {})).answers, [false], "fenced");
  for (let lost = 1; lost <= 3; lost++) {
    world.nowMs += 10_000;
    world.act({ kind: "tick" });
    world.claim("a");
    world.nowMs += 30_000;
    world.act({ kind: "tick" });
  }
  assert.match(world.run.failure?.message ?? "", /4 workers lost their lease/);
});

test("nobody claims: the same epoch goes out again; a step over its timeout is tried again", () => {
  const world = startWorld({ steps: [tool("a", { timeoutMs: 500 })] });
  world.nowMs += 30_000;
  assert.deepEqual(world.act({ kind: "tick" }).dispatches, [{ node: "a", shard: 0, epoch: 1, again: true }]);
  world.claim("a");
  assert.ok((world.run.wakeAtMs ?? 0) <= world.nowMs + 2500, "a short timeout is seen in time");
  world.nowMs += 2500;
  assert.deepEqual(world.act({ kind: "tick" }).notes, ["timed-out", "retried"]);
});

test("deadline and cancel fence what is in flight and end the run once", () => {
  const late = startWorld({ deadlineMs: 60_000, steps: [tool("a"), tool("b", { dependsOn: ["a"] })] });
  late.claim("a");
  late.nowMs += 60_000;
  assert.equal(late.act({ kind: "tick" }).ended, true);
  assert.deepEqual(
    [late.run.phase, late.run.failure?.code, late.state("a")],
    ["failed", "DEADLINE_EXCEEDED", "cancelled"],
  );
  const world = startWorld({ steps: [tool("a")] });
  const epoch = world.claim("a");
  world.act({ kind: "cancel", by: "user:x", reason: "wrong ticket" });
  assert.deepEqual([world.run.phase, world.run.failure?.message], ["cancelled", "wrong ticket"]);
  assert.deepEqual(world.act(result("a", epoch, {})).answers, [false]);
  assert.equal(world.act({ kind: "cancel", by: "user:x", reason: "" }).ended, false);
  assert.equal(world.run.wakeAtMs, undefined);
});

test("without credit a step waits in the backlog", () => {
  const world = startWorld({ steps: [tool("a")] });
  world.credit = 0;
  world.fail("a");
  world.nowMs += 5000;
  const tick = world.act({ kind: "tick" });
  assert.deepEqual([tick.dispatches, world.run.steps.get("a")?.queued], [[], true]);
});

test("a step that a worker hands back when it shuts down has lost no attempt, and is not handed on for ever", () => {
  const world = startWorld({ steps: [tool("a", { retry: { attempts: 1 } })] });
  const handBack = () => {
    world.fail("a", { code: "WORKER_DRAINING" });
    world.wait(20_000);
  };
  handBack();
  assert.deepEqual([world.run.phase, world.state("a"), world.step("a").attempt], ["running", "dispatched", 2]);
  for (let more = 1; more < limits.maxTakeovers; more++) handBack();
  assert.equal(world.state("a"), "dispatched");
  handBack();
  assert.equal(world.run.failure?.code, "WORKER_DRAINING");
  const other = startWorld({ steps: [tool("a", { retry: { attempts: 2 } })] });
  other.fail("a", { code: "WORKER_DRAINING" });
  other.wait(20_000);
  other.fail("a");
  other.wait(20_000);
  assert.equal(other.state("a"), "dispatched", "only one of them was a failure");
});
