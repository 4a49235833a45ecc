import assert from "node:assert/strict";
import { limits } from "./advance.fixture.ts";
import { advance, type Input } from "./advance.ts";
import { TIMEOUT_GRACE_MS } from "./apply-time.ts";
import type { Environment, Loaded, Want } from "./environment.ts";
import type { Advance } from "./outcome.ts";
import type { Plan } from "./plan.ts";
import { isOpen, type RunState, type StepState, stepKey } from "./run-state.ts";
import { isUndo, timeoutOf, undoOf } from "./step-work.ts";

const MAX_ROUNDS = 8;

/**
 * Advances as an engine does that loads little: heads without outputs, shards that are named or due, and what the
 * reducer says it lacks, each time in a new environment. `full` is what the database holds; each state goes through JSON on its way.
 */
export function advanceLightly(
  plan: Plan,
  full: RunState,
  inputs: readonly Input[],
  environmentOf: () => Environment,
): Advance {
  const wants: Want[] = [];
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const environment = environmentOf();
    const { run, data } = load(plan, full, inputs, environment.nowMs, wants);
    const step = advance(plan, run, inputs, { ...environment, data });
    if (step.wants.length === 0) return step;
    wants.push(...step.wants);
  }
  return assert.fail(`still something missing after ${MAX_ROUNDS} rounds: ${JSON.stringify(wants)}`);
}

/** What the database holds after an advance was written. */
export function written(full: RunState, { run, changed }: Advance): RunState {
  const steps = new Map(full.steps);
  for (const step of changed) steps.set(stepKey(step.node, step.shard), step);
  return throughJson({ ...run, input: full.input, steps });
}

export function throughJson(run: RunState): RunState {
  const { steps, ...rest } = run;
  return { ...copy(rest), steps: new Map([...steps].map(([key, step]) => [key, copy(step)])) };
}

/** Keeps what a row keeps: numbers, texts, JSON, and undefined as NULL. */
function copy<T extends object>(value: T): T {
  const entries = Object.entries(value).map(([name, member]) => {
    const kept = member === undefined || typeof member === "bigint" ? member : JSON.parse(JSON.stringify(member));
    return [name, kept] as const;
  });
  return { ...value, ...Object.fromEntries(entries) };
}

function load(plan: Plan, full: RunState, inputs: readonly Input[], nowMs: number, wants: readonly Want[]) {
  const scope = wants.some((want) => want.kind === "scope");
  const open = wants.some((want) => want.kind === "open");
  const undoable = wants.find((want) => want.kind === "undoable");
  const top = undoable && firstUndoable(full, undoable.nodes);
  const within = (step: StepState) =>
    wants.some(
      (want) => want.kind === "shards" && want.node === step.node && want.from <= step.shard && step.shard <= want.to,
    );
  const named = new Set(inputs.flatMap((input) => ("shard" in input ? [stepKey(input.node, input.shard)] : [])));
  const steps = new Map<string, StepState>();
  for (const [key, step] of full.steps) {
    const unsettled = isOpen(step.state);
    const isHead = step.shard === 0 || (isUndo(step.node) && unsettled);
    const chosen = named.has(key) || within(step) || step === top || (open && unsettled) || isDue(plan, step, nowMs);
    if (!isHead && !chosen) continue;
    steps.set(key, isHead && !scope ? { ...step, output: null } : step);
  }
  const data: Loaded = {
    scope,
    open,
    undoable: undoable !== undefined,
    outputs: (node, from, to) =>
      wants.some((want) => want.kind === "outputs" && want.node === node && want.from === from && want.to === to)
        ? Array.from({ length: to - from + 1 }, (_, index) => outputOf(full, node, from + index))
        : undefined,
    shards: (node, from, to) =>
      wants.some((want) => want.kind === "shards" && want.node === node && want.from === from && want.to === to),
  };
  return { run: { ...full, input: scope ? full.input : null, steps }, data };
}

function outputOf(full: RunState, node: string, shard: number): unknown {
  const step = full.steps.get(stepKey(node, shard));
  return step?.state === "succeeded" ? step.output : null;
}

/** As the sweep finds shards. */
function isDue(plan: Plan, step: StepState, nowMs: number): boolean {
  const planned = plan.byId.get(step.node);
  const timeoutMs = planned ? timeoutOf(planned) : 0;
  const startedAtMs = step.startedAtMs ?? 0;
  if (step.state === "ready") return !step.queued && nowMs >= (step.readyAtMs ?? 0);
  if (step.state === "dispatched") return nowMs >= (step.dispatchedAtMs ?? 0) + limits.redispatchAfterMs;
  if (step.state === "waiting") return nowMs >= startedAtMs + timeoutMs;
  return (
    step.state === "running" && nowMs >= Math.min(step.leaseUntilMs ?? 0, startedAtMs + timeoutMs + TIMEOUT_GRACE_MS)
  );
}

/** As the doc of `Want` says. */
function firstUndoable(full: RunState, nodes: readonly string[]): StepState | undefined {
  const doubtful = (step: StepState) => (step.state === "succeeded" ? 0 : 1);
  return [...full.steps.values()]
    .filter(
      (step) => step.shard > 0 && nodes.includes(step.node) && !full.steps.has(stepKey(undoOf(step.node), step.shard)),
    )
    .filter(
      ({ state, detail }) => state === "succeeded" || state === "in_doubt" || (!isOpen(state) && detail.uncertain),
    )
    .toSorted(
      (a, b) =>
        doubtful(b) - doubtful(a) ||
        b.doneSeq - a.doneSeq ||
        (b.endedAtMs ?? 0) - (a.endedAtMs ?? 0) ||
        b.shard - a.shard,
    )[0];
}
