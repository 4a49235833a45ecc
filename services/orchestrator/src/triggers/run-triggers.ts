import { type Consumer, consume, EVENTS_STREAM } from "@agentmesh/bus";
import { describeError } from "@agentmesh/errors";
import { compileMapping } from "@agentmesh/mapping";
import { watchResources } from "@agentmesh/resources";
import type { Context } from "../context.ts";
import { repeat } from "../engine/repeat.ts";
import type { Snapshots } from "../snapshots.ts";
import { forgetGone, listBindings, listGone, type TriggerBinding } from "../store/trigger-bindings.ts";
import { handleEvents } from "./handle-events.ts";
import { triggerSpec } from "./trigger-spec.ts";
import type { Trigger } from "./weigh-occasion.ts";

// The snapshot of triggers says at once that something changed; the table is what counts, and is read this often anyway.
const RECONCILE_EVERY_MS = 5_000;
const MAX_BATCH = 128;
const MAX_TRIGGERS = 1_000;

type Listening = { trigger: Trigger; version: number; readonly consumer: Consumer };

/** Listens for every trigger there is: one durable consumer each, shared by the replicas. */
export function runTriggers(context: Context, snapshots: Snapshots): AsyncDisposable {
  const { bus, db, log } = context;
  const listening = new Map<string, Listening>();

  function listen(binding: TriggerBinding): void {
    const known = listening.get(binding.durable);
    if (known?.version === binding.version) return;
    const trigger = readTrigger(binding);
    if (known) {
      known.trigger = trigger;
      known.version = binding.version;
      return;
    }
    const consumer = consume(bus, {
      stream: EVENTS_STREAM,
      durable: binding.durable,
      filter: binding.filter,
      since: binding.since,
      maxBatch: MAX_BATCH,
      handle: (messages) =>
        handleEvents(context, snapshots, listening.get(binding.durable)?.trigger ?? trigger, messages),
    });
    listening.set(binding.durable, { trigger, version: binding.version, consumer });
    log.info({ tenant: binding.tenant, trigger: binding.name, filter: binding.filter }, "trigger listens");
  }

  async function reconcile(): Promise<void> {
    const bindings = await listBindings(db);
    if (bindings.length > MAX_TRIGGERS) {
      log.error({ triggers: bindings.length, most: MAX_TRIGGERS }, "more triggers than a replica listens for");
    }
    const wanted = new Set(bindings.map((binding) => binding.durable));
    for (const [durable, { consumer }] of listening) {
      if (wanted.has(durable)) continue;
      listening.delete(durable);
      await consumer[Symbol.asyncDispose]();
    }
    for (const binding of bindings.slice(0, MAX_TRIGGERS)) listen(binding);
    for (const durable of await listGone(db)) await removeConsumer(context, durable);
  }

  const rounds = repeat(context, "triggers", RECONCILE_EVERY_MS, reconcile);
  const changes = watchResources<unknown>(bus, "Trigger", (spec) => spec, { onChange: () => rounds.wake() });
  return {
    async [Symbol.asyncDispose]() {
      await changes[Symbol.asyncDispose]();
      await rounds[Symbol.asyncDispose]();
      await Promise.all([...listening.values()].map(({ consumer }) => consumer[Symbol.asyncDispose]()));
    },
  };
}

function readTrigger({ tenant, name, spec }: TriggerBinding): Trigger {
  const read = triggerSpec.parse(spec);
  return { tenant, name, spec: read, input: compileMapping(read.input) };
}

/** Gone already is as good; a server that is away is asked again at the next round. */
async function removeConsumer({ bus, db, log }: Context, durable: string): Promise<void> {
  try {
    await bus.jsm.consumers.delete(EVENTS_STREAM, durable);
  } catch (error) {
    const reason = describeError(error);
    if (!/not found/i.test(reason)) {
      log.warn({ durable, reason }, "consumer of a former trigger not deleted; it is tried again");
      return;
    }
  }
  await forgetGone(db, durable);
}
