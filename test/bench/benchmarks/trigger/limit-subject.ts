import { EVENTS_STREAM, eventSubject } from "@agentmesh/bus";
import { jetstream } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { Subject } from "../../harness/benchmark.ts";
import { inFlight } from "../../harness/in-flight.ts";
import { quantile } from "../../harness/statistics.ts";
import { flooded, floodInFlight, paced, perSecond, withinMs } from "./load.ts";
import { nowMs, pace } from "./publish-events.ts";

/** The same stream, read by a consumer that does nothing. */
export function limitSubject(nc: NatsConnection): Subject {
  return {
    name: "limit",
    what: `JetStream alone: published into the same stream, ${perSecond}/s, and delivered; then ${flooded} at once`,
    async measure(repeat) {
      const subject = eventSubject("bench", "bench", "bench.ping", String(repeat));
      const latencies = await deliver(nc, subject);
      const js = jetstream(nc, { timeout: 30_000 });
      const began = performance.now();
      await inFlight(flooded, floodInFlight, async () => void (await js.publish(subject, "{}")));
      return {
        figures: [
          { metric: "p50_ms", unit: "ms", value: quantile(latencies, 0.5) },
          { metric: "p99_ms", unit: "ms", value: quantile(latencies, 0.99) },
          { metric: "accepted_per_s", unit: "1/s", value: (flooded * 1000) / (performance.now() - began) },
        ],
      };
    },
  };
}

async function deliver(nc: NatsConnection, subject: string): Promise<number[]> {
  const js = jetstream(nc, { timeout: 30_000 });
  const consumer = await js.consumers.get(EVENTS_STREAM, { filter_subjects: subject });
  const messages = await consumer.consume();
  const latencies: number[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(new Error(`not all were delivered within ${withinMs} ms`)), withinMs);
  void (async () => {
    for await (const message of messages) {
      latencies.push(nowMs() - Number(message.string()));
      if (latencies.length === paced) resolve();
    }
  })();
  try {
    await pace(paced, perSecond, async () => void (await js.publish(subject, String(nowMs()))));
    await promise;
    return latencies;
  } finally {
    clearTimeout(timer);
    await messages.close();
  }
}
