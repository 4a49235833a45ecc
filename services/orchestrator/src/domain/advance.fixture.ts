import type { Input } from "./advance.ts";
import { advance } from "./advance.ts";
import type { Place } from "./draft.ts";
import type { Environment, Limits } from "./environment.ts";
import type { Advance } from "./outcome.ts";
import { compilePlan, type Plan } from "./plan.ts";
import { newRun, newStep, type Parent, type RunState, type StepFailure, type StepState } from "./run-state.ts";
import { type WorkflowSpec, workflowSpec } from "./workflow-spec.ts";

export const limits: Limits = { redispatchAfterMs: 30_000, leaseMs: 30_000, maxTakeovers: 3 };

export function planOf(spec: unknown): Plan {
  return compilePlan(parseSpec(spec));
}

export function parseSpec(spec: unknown): WorkflowSpec {
  return workflowSpec.parse(spec);
}

/** A run with a clock, and a worker that does what the test says: claims are made as the store makes them. */
export type World = {
  readonly plan: Plan;
  nowMs: number;
  credit: number;
  run: RunState;
  /** What of the environment a test wants otherwise. */
  more: Partial<Environment>;
  readonly log: Advance[];
  /** What steps were last started with, as a database keeps it. */
  stepInput(key: string): { readonly value: unknown };
  act(...inputs: Input[]): Advance;
  /** Lets time pass and act. */
  wait(ms: number): Advance;
  /** @param key of the step: `node`, `node#3` */
  claim(key: string, worker?: string): number;
  done(key: string, output?: unknown): boolean;
  fail(key: string, failure?: Partial<StepFailure>): boolean;
  endChild(key: string, given?: { output?: unknown; phase?: "failed" | "cancelled" }): boolean;
  state(key: string): string;
  step(key: string): StepState;
};

type More = Partial<Environment> & { readonly parent?: Parent };

export function startWorld(spec: unknown, input: unknown = {}, random: () => number = () => 1, more: More = {}): World {
  const world = openWorld(spec, input, random, more);
  world.act({ kind: "start", data: {} });
  return world;
}

/** A world whose run has not started. */
export function openWorld(
  spec: unknown,
  input: unknown = {},
  random: () => number = () => 1,
  { parent, ...more }: More = {},
): World {
  const plan = planOf(spec);
  let children = 0;
  const createdAtMs = 1_000_000;
  const start = {
    id: "run-1",
    input,
    deadlineMs: createdAtMs + plan.spec.deadlineMs,
    createdAtMs,
    startedBy: "user:ann",
    ...(parent && { parent }),
  };
  const inputs = new Map<string, string>();
  const stepInput = (key: string) => ({ value: JSON.parse(inputs.get(key) ?? "null") });
  const world: World = {
    plan,
    nowMs: createdAtMs,
    credit: 1000,
    run: newRun(start),
    more,
    log: [],
    stepInput,
    act(...given) {
      const { nowMs, credit } = world;
      const newId = () => `child-${++children}`;
      const environment = { nowMs, random, credit, limits, newId, stepInput, ...world.more };
      const result = advance(plan, world.run, given, environment);
      for (const [key, json] of result.inputs) inputs.set(key, json);
      world.run = result.run;
      world.log.push(result);
      return result;
    },
    wait(ms) {
      world.nowMs += ms;
      return world.act({ kind: "tick" });
    },
    claim(key, worker = "w1") {
      const step = world.run.steps.get(key);
      if (step?.state !== "dispatched") throw new Error(`${key} is ${step?.state ?? "pending"}, not dispatched`);
      const running = {
        ...step,
        state: "running" as const,
        worker,
        startedAtMs: world.nowMs,
        leaseUntilMs: world.nowMs + limits.leaseMs,
      };
      world.run = { ...world.run, steps: new Map(world.run.steps).set(key, running) };
      return step.epoch;
    },
    done: (key, output = {}) => world.act(result(key, world.claim(key), { output })).answers[0] ?? false,
    fail: (key, failure = {}) =>
      world.act(
        result(key, world.claim(key), {
          failure: { code: "UNAVAILABLE", message: "the tool is away", retryable: true, ...failure },
        }),
      ).answers[0] ?? false,
    endChild(key, { output = {}, phase } = {}) {
      const { child = "" } = world.step(key).detail;
      return world.act(childEnd(key, child, { output, phase })).answers[0] ?? false;
    },
    state: (key) => world.run.steps.get(key)?.state ?? "pending",
    step: (key) => world.run.steps.get(key) ?? newStep(placeOf(key).node, placeOf(key).shard),
  };
  return world;
}

export function placeOf(key: string): Place {
  const [node = "", shard = "0"] = key.split("#");
  return { node, shard: Number(shard) };
}

export function childEnd(
  key: string,
  child: string,
  { output = {}, phase }: { output?: unknown; phase?: "failed" | "cancelled" | undefined },
): Input {
  const failure = phase && { code: "UNAVAILABLE", message: "its step failed", retryable: false };
  return { kind: "child-ended", ...placeOf(key), child, phase: phase ?? "succeeded", output, failure, costNanoUsd: 7n };
}

export function result(
  key: string,
  epoch: number,
  given: {
    output?: unknown;
    failure?: StepFailure;
    worker?: string;
    costNanoUsd?: bigint;
    quality?: number | undefined;
  },
): Input {
  const { output = null, failure, worker = "w1", costNanoUsd = 5n, quality } = given;
  return { kind: "result", ...placeOf(key), epoch, worker, output, failure, costNanoUsd, durationMs: 3, quality };
}
