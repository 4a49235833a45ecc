import type { Draft, Place } from "./draft.ts";
import type { Want } from "./environment.ts";
import { stepKey } from "./run-state.ts";

/** Thrown from wherever something is missing: what was advanced so far is dropped, so there is nothing to go back to. */
export class MissingData extends Error {
  override readonly name = "MissingData";
  readonly wants: readonly Want[];

  constructor(...wants: readonly Want[]) {
    super(`the run was loaded without ${wants.map(({ kind }) => kind).join(", ")}`);
    this.wants = wants;
  }
}

export function needScope({ environment: { data } }: Draft): void {
  if (data && !data.scope) throw new MissingData({ kind: "scope" });
}

/** What a step was last started with: now, or as it is stored. */
export function storedInput({ environment, inputs }: Draft, { node, shard }: Place): unknown {
  const key = stepKey(node, shard);
  const json = inputs.get(key);
  if (json !== undefined) return JSON.parse(json);
  const stored = environment.stepInput?.(key);
  if (!stored) throw new MissingData({ kind: "input", node, shard });
  return stored.value;
}

/** How many runs stand side by side with this one, in the maps above it. */
export function runsBeside({ run, environment: { nested } }: Draft): number {
  if (!run.parent || !nested) return 1;
  const beside = nested();
  if (beside === undefined) throw new MissingData({ kind: "nested" });
  return beside;
}

export function needOpen({ environment: { data } }: Draft): void {
  if (data && !data.open) throw new MissingData({ kind: "open" });
}

export function needShards({ environment: { data } }: Draft, node: string, from: number, to: number): void {
  if (data && !data.shards(node, from, to)) throw new MissingData({ kind: "shards", node, from, to });
}

export function needUndoable({ environment: { data } }: Draft, nodes: readonly string[]): void {
  if (data && nodes.length > 0 && !data.undoable) throw new MissingData({ kind: "undoable", nodes });
}

export type ShardRange = { readonly node: string; readonly from: number; readonly to: number };

/** Asks for several ranges of outputs at once, so that they are loaded in one round. */
export function needOutputs({ environment: { data } }: Draft, ranges: readonly ShardRange[]): void {
  if (!data) return;
  const missing = ranges.filter(({ node, from, to }) => data.outputs(node, from, to) === undefined);
  if (missing.length > 0) throw new MissingData(...missing.map((range) => ({ kind: "outputs" as const, ...range })));
}

/** Outputs of the shards `from` to `to`, both included; null where one did not succeed. */
export function outputsOf(draft: Draft, node: string, from: number, to: number): readonly unknown[] {
  const { data } = draft.environment;
  if (!data) return Array.from({ length: to - from + 1 }, (_, index) => outputOf(draft, node, from + index));
  const stored = data.outputs(node, from, to);
  if (!stored) throw new MissingData({ kind: "outputs", node, from, to });
  const outputs = [...stored];
  // What succeeded in this very advance is not stored yet.
  for (const key of draft.changed) {
    const step = draft.steps.get(key);
    if (step?.node !== node || step.state !== "succeeded" || step.shard < from || step.shard > to) continue;
    outputs[step.shard - from] = step.output;
  }
  return outputs;
}

function outputOf(draft: Draft, node: string, shard: number): unknown {
  const step = draft.steps.get(stepKey(node, shard));
  return step?.state === "succeeded" ? step.output : null;
}
