import type { Advance, Input } from "./advance.ts";
import { advance } from "./advance.ts";
import type { Environment, Limits } from "./draft.ts";
import { compilePlan, type Plan } from "./plan.ts";
import { newRun, type RunState, type StepFailure } from "./run-state.ts";
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
  readonly log: Advance[];
  act(...inputs: Input[]): Advance;
  claim(node: string, worker?: string): number;
  done(node: string, output?: unknown): boolean;
  fail(node: string, failure?: Partial<StepFailure>): boolean;
  state(node: string): string;
};

export function startWorld(spec: unknown, input: unknown = {}, random: () => number = () => 1): World {
  const plan = planOf(spec);
  const world: World = {
    plan,
    nowMs: 1_000_000,
    credit: 1000,
    run: newRun({ id: "run-1", input, deadlineMs: 1_000_000 + plan.spec.deadlineMs }),
    log: [],
    act(...inputs) {
      const environment: Environment = { nowMs: world.nowMs, random, credit: world.credit, limits };
      const result = advance(plan, world.run, inputs, environment);
      world.run = result.run;
      world.log.push(result);
      return result;
    },
    claim(node, worker = "w1") {
      const step = world.run.steps.get(node);
      if (step?.state !== "dispatched") throw new Error(`${node} is ${step?.state ?? "pending"}, not dispatched`);
      const running = {
        ...step,
        state: "running" as const,
        worker,
        startedAtMs: world.nowMs,
        leaseUntilMs: world.nowMs + limits.leaseMs,
      };
      world.run = { ...world.run, steps: new Map(world.run.steps).set(node, running) };
      return step.epoch;
    },
    done: (node, output = {}) => world.act(result(node, world.claim(node), { output })).answers[0] ?? false,
    fail: (node, failure = {}) =>
      world.act(
        result(node, world.claim(node), {
          failure: { code: "UNAVAILABLE", message: "the tool is away", retryable: true, ...failure },
        }),
      ).answers[0] ?? false,
    state: (node) => world.run.steps.get(node)?.state ?? "pending",
  };
  world.act({ kind: "start", data: {} });
  return world;
}

export function result(
  node: string,
  epoch: number,
  given: { output?: unknown; failure?: StepFailure; worker?: string; costNanoUsd?: bigint },
): Input {
  const { output = null, failure, worker = "w1", costNanoUsd = 5n } = given;
  return { kind: "result", node, shard: 0, epoch, worker, output, failure, costNanoUsd, durationMs: 3 };
}
