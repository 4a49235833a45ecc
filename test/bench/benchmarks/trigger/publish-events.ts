import { setTimeout as wait } from "node:timers/promises";
import { newId } from "@agentmesh/ids";
import { type JetStreamClient, jetstream } from "@nats-io/jetstream";
import { headers, type NatsConnection } from "@nats-io/transport-node";
import { inFlight } from "../../harness/in-flight.ts";
import { eventSource, eventType, payload } from "../../mesh/resources.ts";

const tickMs = 2;

/** Milliseconds since 1970 with their fractions. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Publishes external CloudEvents as a publisher of its own account does. */
export type EventPublisher = {
  /** Of a type, evenly at a rate; answers when each was published, by event id. */
  paced(type: string, count: number, perSecond: number): Promise<Map<string, number>>;
  /** As fast as the server acknowledges, at most `limit` unacknowledged; answers the event ids. */
  flood(count: number, limit: number): Promise<string[]>;
};

export function eventPublisher(nc: NatsConnection): EventPublisher {
  const js = jetstream(nc, { timeout: 30_000 });
  return {
    async paced(type, count, perSecond) {
      const published = new Map<string, number>();
      await pace(count, perSecond, async () => {
        const id = newId();
        published.set(id, nowMs());
        await publish(js, type, id);
      });
      return published;
    },
    async flood(count, limit) {
      const ids = Array.from({ length: count }, () => newId());
      await inFlight(count, limit, (index) => publish(js, eventType, ids[index] ?? ""));
      return ids;
    },
  };
}

async function publish(js: JetStreamClient, type: string, id: string): Promise<void> {
  const attributes = headers();
  attributes.set("ce-specversion", "1.0");
  attributes.set("ce-id", id);
  attributes.set("ce-source", eventSource);
  attributes.set("ce-type", type);
  attributes.set("ce-time", new Date().toISOString());
  attributes.set("content-type", "application/json");
  await js.publish(`evt.${type}.${id}`, JSON.stringify(payload), { headers: attributes, msgID: id });
}

/** Starts `count` calls evenly at a rate, without waiting for one before the next. */
export async function pace(count: number, perSecond: number, call: () => Promise<void>): Promise<void> {
  const began = performance.now();
  const calls: Promise<void>[] = [];
  while (calls.length < count) {
    const due = Math.min(count, Math.floor(((performance.now() - began) * perSecond) / 1000) + 1);
    while (calls.length < due) calls.push(call());
    // In small bursts: a loop that never slept would take a core from what is measured.
    await wait(tickMs);
  }
  await Promise.all(calls);
}
