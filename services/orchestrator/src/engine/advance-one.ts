import { newId } from "@agentmesh/ids";
import type { Queryable } from "@agentmesh/postgres";
import type { Context } from "../context.ts";
import { advance, type Input } from "../domain/advance.ts";
import type { Environment, Loaded, Offer, Want } from "../domain/environment.ts";
import type { Advance } from "../domain/outcome.ts";
import type { Plan } from "../domain/plan.ts";
import { type RunState, stepKey } from "../domain/run-state.ts";
import { countBeside, readStepInput } from "../store/run-parts.ts";
import type { StoredRun } from "../store/run-rows.ts";
import { type Asked, joinRanges, partsOf } from "./open-parts.ts";

// Each round brings what the one before asked for, one thing at a time: a handful, or the input of each of 200 steps.
const MAX_ROUNDS = 256;

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
  const asked = openAsked(tx, stored.state);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const run = parts ? parts.run() : stored.state;
    const step = advance(plan, run, inputs, {
      ...environmentOf(context, stored, nowMs, parts?.loaded()),
      ...asked.environment,
      offer,
    });
    if (step.wants.length === 0) {
      context.dispatcher.take(step.dispatches.filter((dispatch) => !dispatch.again).length);
      return step;
    }
    for (const want of joinRanges(step.wants)) {
      if (want.kind === "input" || want.kind === "nested") await asked.load(want);
      else if (parts) await parts.load(want);
      else throw new Error(`run ${run.id} asks for ${describe(step.wants)}, though all of it is loaded`);
    }
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

/** What is loaded only when it is asked for, whatever else of a run is in memory. */
function openAsked(tx: Queryable, { id, parent }: RunState) {
  const inputs = new Map<string, { readonly value: unknown }>();
  let beside = parent ? undefined : 1;
  return {
    environment: { stepInput: (key: string) => inputs.get(key), nested: () => beside },
    async load(want: Asked): Promise<void> {
      if (want.kind === "nested") beside = parent ? await countBeside(tx, parent) : 1;
      else {
        const { node, shard } = want;
        inputs.set(stepKey(node, shard), { value: await readStepInput(tx, id, node, shard) });
      }
    },
  };
}

function describe(wants: readonly Want[]): string {
  return wants.map((want) => want.kind).join(", ");
}
