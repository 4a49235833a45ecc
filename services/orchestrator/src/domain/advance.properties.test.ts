import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { limits, result, startWorld, type World } from "./advance.fixture.ts";
import type { StepPhase } from "./run-state.ts";

// Random workflows, and a world that answers, repeats itself, loses workers, jumps in time and cancels at random.
const LEGAL: Readonly<Record<StepPhase, readonly StepPhase[]>> = {
  pending: ["ready", "dispatched", "succeeded", "failed", "skipped", "cancelled"],
  ready: ["ready", "dispatched", "cancelled"],
  dispatched: ["dispatched", "cancelled"],
  running: ["ready", "dispatched", "succeeded", "failed", "cancelled"],
  succeeded: [],
  failed: [],
  skipped: [],
  cancelled: [],
};

const stepOptions = fc.record({
  kind: fc.constantFrom("tool", "tool", "agent", "emit"),
  when: fc.constantFrom("none", "none", "true", "false", "dependency"),
  onFailure: fc.constantFrom("fail", "continue"),
  gate: fc.constantFrom("none", "none", "fail", "continue", "retry"),
  attempts: fc.integer({ min: 1, max: 3 }),
  links: fc.array(fc.nat({ max: 20 }), { maxLength: 3 }),
});

const workflow = fc.array(stepOptions, { minLength: 1, maxLength: 9 }).map((all) => {
  const steps = all.map((options, index) => {
    const dependsOn = index === 0 ? [] : [...new Set(options.links.map((link) => `s${link % index}`))];
    const [first] = dependsOn;
    const when = {
      none: undefined,
      true: { value: "$.input.yes", equals: true },
      false: { value: "$.input.yes", equals: false },
      dependency: first ? { value: `$.steps.${first}.state`, in: ["succeeded", "failed"] } : undefined,
    }[options.when];
    const common = { id: `s${index}`, dependsOn, ...(when && { when }), input: first ? `$.steps.${first}` : "$.input" };
    if (options.kind === "emit") return { ...common, kind: "emit", event: { type: "made.up" } };
    return {
      ...common,
      kind: options.kind,
      [options.kind]: "some",
      onFailure: options.onFailure,
      retry: { attempts: options.attempts, delayMs: 50 },
      ...(options.gate !== "none" && { gate: { value: "$.output.score", onFail: options.gate } }),
    };
  });
  return { deadlineMs: 3_600_000, steps };
});

const action = fc.record({
  kind: fc.constantFrom("claim", "done", "done", "fail", "repeat", "stale", "tick", "jump", "credit", "cancel"),
  pick: fc.nat({ max: 50 }),
  good: fc.boolean(),
});

type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

function perform(world: World, { kind, pick, good }: Action): void {
  const steps = [...world.run.steps.values()];
  const choose = (state: StepPhase) => {
    const found = steps.filter((step) => step.state === state);
    return found[pick % Math.max(1, found.length)];
  };
  const running = choose("running");
  const any = steps[pick % Math.max(1, steps.length)];
  switch (kind) {
    case "claim": {
      const waiting = choose("dispatched");
      if (waiting) world.claim(waiting.node);
      return;
    }
    case "done":
      if (running) world.act(result(running.node, running.epoch, { output: { score: good ? 0.9 : 0.1 } }));
      return;
    case "fail":
      if (running) {
        const failure = { code: "UNAVAILABLE", message: "away", retryable: good };
        world.act(result(running.node, running.epoch, { failure }));
      }
      return;
    case "repeat":
      if (any && any.doneEpoch > 0) {
        const repeated = world.act(result(any.node, any.doneEpoch, { output: { score: 1 } }));
        assert.deepEqual([repeated.answers, repeated.events.length], [[true], 0]);
      }
      return;
    case "stale":
      if (any) {
        const stale = world.act(result(any.node, any.epoch + 1, { output: {} }));
        assert.deepEqual([stale.answers, stale.changed.length], [[false], 0]);
      }
      return;
    case "jump":
      world.nowMs += good ? limits.leaseMs : 100;
      world.act({ kind: "tick" });
      return;
    case "tick":
      world.act({ kind: "tick" });
      return;
    case "credit":
      world.credit = good ? 1000 : pick % 2;
      return;
    case "cancel":
      if (pick === 0) world.act({ kind: "cancel", by: "user:x", reason: "" });
      return;
    default:
      kind satisfies never;
  }
}

/** What the backlog does when credit comes back. */
function releaseQueued(world: World): void {
  const steps = new Map(world.run.steps);
  for (const step of steps.values()) {
    if (step.queued)
      steps.set(step.node, {
        ...step,
        state: "dispatched",
        queued: false,
        epoch: step.epoch + 1,
        dispatchedAtMs: world.nowMs,
      });
  }
  world.run = { ...world.run, steps };
}

const MAX_ROUNDS = 2_000;

/** A fair world: everything that is released is claimed and answered, and time goes on. */
function driveToEnd(world: World): void {
  world.credit = 1000;
  for (let round = 0; world.run.phase === "running" && round < MAX_ROUNDS; round++) {
    releaseQueued(world);
    for (const step of [...world.run.steps.values()]) {
      if (world.run.steps.get(step.node)?.state === "dispatched") world.claim(step.node);
    }
    for (const step of [...world.run.steps.values()]) {
      const now = world.run.steps.get(step.node);
      if (now?.state === "running") world.act(result(now.node, now.epoch, { output: { score: 0.9 } }));
    }
    world.nowMs += 1000;
    world.act({ kind: "tick" });
  }
}

function checkHistory(world: World): void {
  const types: string[] = [];
  let seq = 0;
  for (const entry of world.log) {
    types.push(...entry.events.map((event) => event.type));
    assert.equal(entry.before.seq, seq, "sequences have no gap");
    seq += entry.events.length;
    for (const step of entry.changed) {
      const was = entry.before.steps.get(step.node);
      assert.ok(LEGAL[was?.state ?? "pending"].includes(step.state), `${was?.state ?? "pending"} → ${step.state}`);
      assert.ok(step.epoch >= (was?.epoch ?? 0) && step.epoch <= (was?.epoch ?? 0) + 1, "epochs grow by one");
      if (!was) checkDependencies(world, entry.run.steps, step.node);
    }
    if (entry.before.phase !== "running") assert.equal(entry.changed.length, 0, "an ended run changes no more");
    if (entry.run.phase === "running") assert.ok(entry.run.wakeAtMs !== undefined, "a running run has a wake-up");
    assert.ok(!entry.notes.includes("stuck"));
  }
  const ends = types.filter((type) => ["run.succeeded", "run.failed", "run.cancelled"].includes(type));
  assert.equal(ends.length, 1, "exactly one end");
  assert.equal(world.log.filter((entry) => entry.ended).length, 1);
}

function checkDependencies(world: World, steps: World["run"]["steps"], node: string): void {
  const spec = world.plan.byId.get(node)?.spec;
  for (const id of spec?.dependsOn ?? []) {
    const state = steps.get(id)?.state ?? "pending";
    assert.ok(["succeeded", "skipped", "failed"].includes(state), `${node} left waiting while ${id} was ${state}`);
  }
}

function checkEnd(world: World): void {
  const planned = world.plan.steps.map(({ spec }) => world.run.steps.get(spec.id)?.state ?? "pending");
  if (world.run.phase === "succeeded") {
    assert.ok(planned.every((state) => ["succeeded", "skipped", "failed"].includes(state)));
    for (const { spec, when } of world.plan.steps) {
      if (!when) assert.notEqual(world.run.steps.get(spec.id)?.state, "skipped", "only a condition skips");
    }
  } else {
    assert.ok(
      planned.every((state) => !["ready", "dispatched", "running"].includes(state)),
      "nothing is left in flight",
    );
  }
  const spent = [...world.run.steps.values()].reduce((sum, step) => sum + step.costNanoUsd, 0n);
  assert.equal(world.run.costNanoUsd, spent);
}

test("any workflow under any interleaving ends once, in order, legally", () => {
  fc.assert(
    fc.property(
      workflow,
      fc.array(action, { maxLength: 60 }),
      fc.float({ min: 0, max: 1, noNaN: true }),
      (spec, actions, jitter) => {
        const world = startWorld(spec, { yes: true }, () => jitter);
        for (const one of actions) perform(world, one);
        driveToEnd(world);
        assert.notEqual(world.run.phase, "running");
        checkHistory(world);
        checkEnd(world);
      },
    ),
    { numRuns: 1500 },
  );
});
