import { newId } from "@agentmesh/ids";
import type { Queryable } from "@agentmesh/postgres";
import type { Context } from "../context.ts";
import { advance, type Input } from "../domain/advance.ts";
import type { Environment, Loaded, Offer, Want } from "../domain/environment.ts";
import type { Advance } from "../domain/outcome.ts";
import type { Plan } from "../domain/plan.ts";
import type { RunState, StepState } from "../domain/run-state.ts";
import { type OutputWindow, readOpenShards, readOutputs, readShards, readUndoable } from "../store/load-parts.ts";
import type { StoredRun } from "../store/run-rows.ts";

// Each round brings what the one before asked for, one thing at a time: a handful, or batch after batch of a reduce.
const MAX_ROUNDS = 64;

export type AdvanceOptions = {
  /** Of a run that begins with what another one did: that one, which has the shards of what is copied. */
  readonly shardsOf?: string | undefined;
  /** Who takes what comes next. */
  readonly offer?: Offer | undefined;
};

/**
 * Calls the reducer with what this process knows: its limits, jitter, and the credit of the queue. Of a run that is
 * loaded by parts it loads what the reducer asks for, and calls again.
 */
export async function advanceOne(
  context: Context,
  tx: Queryable,
  plan: Plan,
  stored: StoredRun,
  inputs: readonly Input[],
  nowMs: number,
  more: AdvanceOptions = {},
): Promise<Advance> {
  const { shardsOf, offer } = more;
  const parts = partsOf(context, tx, stored, shardsOf);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const run = parts ? parts.run() : stored.state;
    const step = advance(plan, run, inputs, { ...environmentOf(context, stored, nowMs, parts?.loaded()), offer });
    if (step.wants.length === 0) {
      context.dispatcher.take(step.dispatches.filter((dispatch) => !dispatch.again).length);
      return step;
    }
    if (!parts) throw new Error(`run ${run.id} asks for ${describe(step.wants)}, though all of it is loaded`);
    for (const want of step.wants) await parts.load(want);
  }
  throw new Error(`run ${stored.state.id} asked for more in each of ${MAX_ROUNDS} rounds`);
}

function environmentOf(context: Context, { head }: StoredRun, nowMs: number, data: Loaded | undefined): Environment {
  const { redispatchAfterMs, leaseMs, maxTakeovers } = context.config.engine;
  return {
    nowMs,
    random: Math.random,
    credit: context.dispatcher.credit(),
    limits: { redispatchAfterMs, leaseMs, maxTakeovers },
    newId: () => newId(),
    data,
    expectedMs: (node) => context.past.expectedMs(head, node),
    standing: (work) => context.past.standing(head.tenant, work),
    exists: (work) => context.knows(head.tenant, work),
  };
}

type Parts = {
  run(): RunState;
  loaded(): Loaded;
  load(want: Want): Promise<void>;
};

/** undefined: all of the run is in memory. */
function partsOf(context: Context, tx: Queryable, { head, state }: StoredRun, shardsOf?: string): Parts | undefined {
  if (!head.light) return undefined;
  if (shardsOf !== undefined) return openParts(context, tx, state, { isNew: true, shardsOf });
  return state.seq > 0 ? openParts(context, tx, state, { isNew: false, shardsOf: state.id }) : undefined;
}

type PartsOptions = {
  /** Nothing of it is stored yet, so that it lacks nothing but outputs of copied shards. */
  readonly isNew: boolean;
  /** The run whose rows hold the outputs of shards. */
  readonly shardsOf: string;
};

function openParts(context: Context, tx: Queryable, before: RunState, { isNew, shardsOf }: PartsOptions): Parts {
  const steps = new Map(before.steps);
  const outputs = new Map<string, OutputWindow>();
  const ranges = new Set<string>();
  let input: unknown;
  let hasScope = isNew;
  let hasUndoable = isNew;
  let hasOpen = isNew;
  const add = (found: ReadonlyMap<string, StepState>) => {
    for (const [key, step] of found) steps.set(key, step);
  };
  return {
    run: () => ({ ...before, input: hasScope && !isNew ? input : before.input, steps: new Map(steps) }),
    loaded: () => ({
      scope: hasScope,
      outputs(node, from, to) {
        const window = outputs.get(node);
        if (!window || from < window.from || to > window.to) return undefined;
        return window.outputs.slice(from - window.from, to - window.from + 1);
      },
      shards: (node, from, to) => isNew || ranges.has(rangeKey(node, from, to)),
      open: hasOpen,
      undoable: hasUndoable,
    }),
    async load(want) {
      switch (want.kind) {
        case "scope": {
          const scope = await context.scopes.load(tx, before.id, steps.values());
          input = scope.input;
          hasScope = true;
          for (const [node, output] of scope.outputs) {
            const head = steps.get(node);
            if (head) steps.set(node, { ...head, output });
          }
          return;
        }
        case "outputs": {
          const { node, from, to } = want;
          const known = outputs.get(node);
          const first = Math.min(from, known?.from ?? from);
          outputs.set(node, await readOutputs(tx, shardsOf, node, first, to));
          return;
        }
        case "shards": {
          const { node, from, to } = want;
          add(await readShards(tx, before.id, node, from, to));
          ranges.add(rangeKey(node, from, to));
          return;
        }
        case "open":
          add(await readOpenShards(tx, before.id));
          hasOpen = true;
          return;
        case "undoable":
          add(await readUndoable(tx, before.id, want.nodes));
          hasUndoable = true;
          return;
        default:
          return want satisfies never;
      }
    },
  };
}

function rangeKey(node: string, from: number, to: number): string {
  return `${node}#${from}-${to}`;
}

function describe(wants: readonly Want[]): string {
  return wants.map((want) => want.kind).join(", ");
}
