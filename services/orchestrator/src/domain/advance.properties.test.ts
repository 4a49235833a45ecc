import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { childEnd, limits, openWorld, result, type World } from "./advance.fixture.ts";
import type { Input } from "./advance.ts";
import { checkEnd, checkHistory } from "./history.fixture.ts";
import { advanceLightly, throughJson, written } from "./light-load.fixture.ts";
import type { Advance } from "./outcome.ts";
import { isInFlight, type RunState, type StepPhase, type StepState, stepKey } from "./run-state.ts";
import { input, workflow } from "./workflows.fixture.ts";

// Random workflows of all kinds, and a world that answers, repeats itself, loses workers, jumps in time, pauses,
// decides and cancels at random.

const action = fc.record({
  kind: fc.constantFrom(
    ...([
      "claim",
      "claim",
      "done",
      "done",
      "fail",
      "repeat",
      "stale",
      "tick",
      "jump",
      "credit",
      "cancel",
      "pause",
      "resume",
    ] as const),
    ...(["decide", "child", "event", "resolve", "burst", "offer"] as const),
  ),
  pick: fc.nat({ max: 50 }),
  good: fc.boolean(),
});

type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

const keyOf = (step: StepState) => stepKey(step.node, step.shard);

function ok(step: StepState): Input {
  return result(keyOf(step), step.epoch, { output: { score: 0.9, at: step.shard } });
}

function perform(world: World, { kind, pick, good }: Action): void {
  const steps = [...world.run.steps.values()];
  const choose = (state: StepPhase) =>
    pickOne(
      steps.filter((step) => step.state === state),
      pick,
    );
  const running = choose("running");
  const waiting = choose("waiting");
  const any = pickOne(steps, pick);
  switch (kind) {
    case "claim": {
      const free = choose("dispatched");
      if (free) world.claim(keyOf(free));
      return;
    }
    case "done":
      if (running) world.act(result(keyOf(running), running.epoch, { output: { score: good ? 0.9 : 0.1 } }));
      return;
    case "burst":
      world.act(...steps.filter((step) => step.state === "running").map(ok), { kind: "tick" });
      return;
    case "fail":
      if (running) {
        const code = pick % 7 === 0 ? "IN_DOUBT" : "UNAVAILABLE";
        world.act(result(keyOf(running), running.epoch, { failure: { code, message: "away", retryable: good } }));
      }
      return;
    case "repeat":
      if (any && any.doneEpoch > 0) {
        const repeated = world.act(result(keyOf(any), any.doneEpoch, { output: { score: 1 } }));
        assert.deepEqual(repeated.answers, [true]);
        assert.ok(!repeated.changed.some((step) => keyOf(step) === keyOf(any) && step.state !== any.state));
      }
      return;
    case "stale":
      if (any) assert.deepEqual(world.act(result(keyOf(any), any.epoch + 1, { output: {} })).answers, [false]);
      return;
    case "jump":
      world.wait(good ? limits.leaseMs : 100);
      return;
    case "tick":
      world.wait(0);
      return;
    case "credit":
      world.credit = good ? 1000 : pick % 2;
      return;
    case "offer":
      world.more = { ...world.more, offer: good ? { worker: "w1", places: pick % 4 } : undefined };
      return;
    case "cancel":
      if (pick < 3) world.act({ kind: "cancel", by: "user:x", reason: "" });
      return;
    case "pause":
    case "resume":
      world.act({ kind, by: "user:x" });
      return;
    case "child":
      if (waiting?.detail.child) world.act(endOf(waiting, good ? undefined : "failed", pick % 3 === 0 ? 0.1 : 0.9));
      return;
    case "decide":
      if (waiting) world.act(decision(waiting, good));
      return;
    case "event":
      if (waiting) world.act(event(waiting, good ? "o1" : "o2"));
      return;
    case "resolve": {
      const doubtful = choose("in_doubt");
      if (doubtful) world.act(resolution(doubtful, (["retry", "succeed", "fail"] as const)[pick % 3] ?? "fail"));
      return;
    }
    default:
      kind satisfies never;
  }
}

function pickOne<T>(all: readonly T[], pick: number): T | undefined {
  return all[pick % Math.max(1, all.length)];
}

function endOf(step: StepState, phase?: "failed", score = 0.9): Input {
  return childEnd(keyOf(step), step.detail.child ?? "", { output: { score }, phase });
}

function decision({ node, shard, detail: { argsHash = "" } }: StepState, approve: boolean): Input {
  return { kind: "decide", node, shard, approve, by: "user:bob", roles: [], comment: "", argsHash };
}

function event({ node, shard }: StepState, data: string): Input {
  return { kind: "event", node, shard, event: { id: "e", type: "paid", data, time: "" } };
}

function resolution({ node, shard }: StepState, action: "retry" | "succeed" | "fail"): Input {
  return { kind: "resolve", node, shard, action, output: { score: 1 }, by: "user:x" };
}

/** What the backlog does when credit comes back. */
function releaseQueued(world: World): void {
  const steps = new Map(world.run.steps);
  for (const [key, step] of steps) {
    if (!step.queued) continue;
    const { epoch } = step;
    steps.set(key, { ...step, state: "dispatched", queued: false, epoch: epoch + 1, dispatchedAtMs: world.nowMs });
  }
  world.run = { ...world.run, steps };
}

const MAX_ROUNDS = 300;

/** A fair world: everything that is released is claimed and answered, people decide, and time goes on. */
function driveToEnd(world: World): void {
  world.credit = 1000;
  const isActive = () => world.run.phase === "running" || world.run.phase === "compensating";
  if (world.run.pausedAtMs !== undefined) world.act({ kind: "resume", by: "user:x" });
  for (let round = 0; isActive() && round < MAX_ROUNDS; round++) {
    releaseQueued(world);
    for (const step of [...world.run.steps.values()]) {
      if (world.run.steps.get(keyOf(step))?.state === "dispatched") world.claim(keyOf(step));
    }
    for (const step of [...world.run.steps.values()]) answer(world, step);
    world.wait(1000);
  }
}

function answer(world: World, known: StepState): void {
  const step = world.run.steps.get(keyOf(known));
  if (step?.state === "running") world.act(ok(step));
  else if (step?.state === "in_doubt") world.act(resolution(step, "succeed"));
  else if (step?.state === "waiting" && step.detail.child) world.act(endOf(step));
  else if (step?.state === "waiting" && step.detail.argsHash) world.act(decision(step, true));
  else if (step?.state === "waiting" && step.detail.key) world.act(event(step, "o1"));
}

/** A world that loads little and stores what it gets, beside one that has everything in memory. */
function openTwin(world: World): {
  stored: RunState;
  check(inputs: readonly Input[], full: Advance, jitter: number): void;
} {
  const twin = {
    stored: throughJson(world.run),
    check(inputs: readonly Input[], full: Advance, jitter: number) {
      const environmentOf = () => ({
        nowMs: world.nowMs,
        random: () => jitter,
        credit: world.credit,
        limits,
        newId: idsFrom(full.before.seq),
        offer: world.more.offer,
        stepInput: world.stepInput,
      });
      const light = advanceLightly(world.plan, throughJson(full.before), inputs, environmentOf);
      assert.deepEqual(comparable(light), comparable(full));
      twin.stored = written(throughJson(full.before), light);
      assert.deepEqual(stateOf(twin.stored), stateOf(full.run));
      assert.ok((light.run.wakeAtMs ?? 0) <= Math.max(full.run.wakeAtMs ?? 0, world.nowMs + 1000));
    },
  };
  return twin;
}

/** A discarded advance has taken ids too, so each starts with the same. */
function idsFrom(seq: number): () => string {
  let children = 0;
  return () => `child-${seq}-${++children}`;
}

function comparable(step: Advance): unknown {
  const {
    events,
    dispatches,
    handed,
    emits,
    children,
    stopChildren,
    tellChildren,
    approvals,
    eventWaits,
    answers,
    notes,
    ended,
    atRisk,
  } = step;
  const inputs = [...step.inputs].toSorted();
  return jsonOf({
    events,
    dispatches,
    handed,
    emits,
    children,
    stopChildren,
    tellChildren,
    approvals,
    eventWaits,
    answers,
    notes,
    ended,
    atRisk,
    inputs,
  });
}

/** Without the wake-up: who does not know the times of all shards looks every second. */
function stateOf({ steps, wakeAtMs: _, ...run }: RunState): unknown {
  return jsonOf({ ...run, steps: [...steps.values()].toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)) });
}

function jsonOf(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_, member) => (typeof member === "bigint" ? String(member) : member)));
}

test("any workflow under any interleaving ends once, in order, legally", () => {
  fc.assert(
    fc.property(
      workflow,
      fc.array(action, { maxLength: 60 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (spec, actions, jitter) => {
        const world = openWorld(spec, input, () => jitter);
        world.act({ kind: "start", data: {} });
        for (const one of actions) perform(world, one);
        driveToEnd(world);
        assert.ok(["succeeded", "failed", "cancelled"].includes(world.run.phase), world.run.phase);
        checkHistory(world);
        checkEnd(world);
      },
    ),
    { numRuns: 1000 },
  );
});

test("a run that is loaded lightly and stored between any two advances goes on as one in memory", () => {
  fc.assert(
    fc.property(
      workflow,
      fc.array(action, { maxLength: 40 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (spec, actions, jitter) => {
        const world = openWorld(spec, input, () => jitter);
        const twin = openTwin(world);
        const { act } = world;
        world.act = (...inputs) => {
          world.more = { ...world.more, newId: idsFrom(world.run.seq) };
          const full = act(...inputs);
          twin.check(inputs, full, jitter);
          return full;
        };
        world.act({ kind: "start", data: {} });
        for (const one of actions) perform(world, one);
        driveToEnd(world);
        if (world.run.phase === "succeeded") return;
        // What failed or was cancelled may go on, unless it undid what it did.
        const { answers } = world.act({ kind: "retry", by: "user:x" });
        assert.equal(answers[0], world.log.at(-1)?.before.ending === undefined);
        driveToEnd(world);
        assert.ok(![...world.run.steps.values()].some((step) => isInFlight(step.state)));
      },
    ),
    { numRuns: 150 },
  );
});
