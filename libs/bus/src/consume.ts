import { setTimeout as wait } from "node:timers/promises";
import { AppError, describeError } from "@agentmesh/errors";
import { AckPolicy, type ConsumerConfig, DeliverPolicy, type JsMsg } from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";
import type { Bus } from "./connect.ts";

export type ConsumeOptions = {
  readonly stream: string;
  /** Name of the durable consumer; all replicas share it. */
  readonly durable: string;
  /** One subject filter, wildcards allowed. */
  readonly filter: string;
  /** Only what was stored at or after this time, when the consumer is made; default: everything the stream has. */
  readonly since?: Date;
  /** Most messages handed over at once. Default 100. */
  readonly maxBatch?: number;
  /**
   * How long a batch that is not full waits for more, in milliseconds: fewer transactions for those who are in no hurry.
   * Default 0.
   */
  readonly gatherMs?: number;
  /** Redelivered when not acknowledged by then, in milliseconds. Default ACK_WAIT_MS. */
  readonly ackWaitMs?: number;
  /** Handles a batch and acknowledges each message; a rejection delays all that it did not answer. */
  readonly handle: (messages: readonly JsMsg[]) => Promise<void>;
};

export type Consumer = AsyncDisposable;

/** After this long without an answer a message is given to another replica. */
export const ACK_WAIT_MS = 30_000;

const RETRY_MS = [100, 500, 2000, 5000];
const RECONNECT_WAIT_MS = 250;

/** How long a message waits before its next delivery, from how often it was delivered. */
export function redeliveryDelayMs(deliveries: number): number {
  return RETRY_MS[Math.min(deliveries, RETRY_MS.length) - 1] ?? 100;
}

/**
 * Pulls from a durable consumer in batches, one batch at a time: whatever arrived while the last one was handled is
 * the next one, so a lone message waits for nothing and a burst is applied together. Lives through the loss of server,
 * stream and consumer.
 */
export function consume(bus: Bus, options: ConsumeOptions): Consumer {
  const stop = new AbortController();
  const running = consumeForever(bus, options, stop.signal);
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}

async function consumeForever(bus: Bus, options: ConsumeOptions, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await consumeOnce(bus, options, signal);
    } catch (error) {
      if (signal.aborted) return;
      bus.log.warn({ durable: options.durable, reason: describeError(error) }, "consumer interrupted; it starts again");
    }
    await wait(RECONNECT_WAIT_MS, undefined, { signal }).catch(() => undefined);
  }
}

async function consumeOnce(bus: Bus, options: ConsumeOptions, signal: AbortSignal): Promise<void> {
  const { stream, durable, maxBatch = 100, gatherMs = 0 } = options;
  await ensureConsumer(bus, options);
  const consumer = await bus.js.consumers.get(stream, durable);
  // Prefetched messages burn their ack wait: one batch in hand, one waiting here and one on the way are enough.
  const incoming = await consumer.consume({
    max_messages: maxBatch,
    expires: 10_000,
    idle_heartbeat: 2_000,
    abort_on_missing_resource: true,
  });
  function close(): void {
    void incoming.close();
  }
  signal.addEventListener("abort", close, { once: true });
  if (signal.aborted) close();
  const queue: JsMsg[] = [];
  let draining: Promise<void> | undefined;

  async function drain(): Promise<void> {
    while (queue.length > 0 && !signal.aborted) {
      if (gatherMs > 0 && queue.length < maxBatch) await wait(gatherMs, undefined, { signal }).catch(() => undefined);
      await handleBatch(bus, options, queue.splice(0, maxBatch));
    }
  }
  try {
    for await (const message of incoming) {
      queue.push(message);
      // One turn of the loop lets the rest of a burst, already read from the socket, join the batch.
      draining ??= Promise.resolve()
        .then(drain)
        .finally(() => {
          draining = undefined;
        });
      // Not taking the next message is what keeps the client from asking for more.
      if (queue.length >= maxBatch) await draining;
    }
  } finally {
    signal.removeEventListener("abort", close);
    await draining;
    for (const message of queue) message.nak();
  }
  if (!signal.aborted) throw new AppError("UNAVAILABLE", `consumer ${durable} of ${stream} ended`);
}

async function handleBatch(bus: Bus, options: ConsumeOptions, batch: readonly JsMsg[]): Promise<void> {
  try {
    await options.handle(batch);
  } catch (error) {
    bus.log.warn(
      { durable: options.durable, messages: batch.length, reason: describeError(error) },
      "batch not applied; its messages come again",
    );
    // A message that was answered already ignores a second answer.
    for (const message of batch) message.nak(redeliveryDelayMs(message.info.deliveryCount));
  }
}

export async function ensureConsumer(bus: Bus, options: Omit<ConsumeOptions, "handle">): Promise<void> {
  const { stream, durable, filter, since, ackWaitMs = ACK_WAIT_MS } = options;
  await bus.ensureStreams();
  try {
    await bus.jsm.consumers.info(stream, durable);
    return;
  } catch {
    // Missing, or the server is away; in both cases adding says which.
  }
  const config: Partial<ConsumerConfig> = {
    durable_name: durable,
    filter_subject: filter,
    ack_policy: AckPolicy.Explicit,
    ack_wait: nanos(ackWaitMs),
    // We count deliveries ourselves: the server's own limit would leave the message in the stream, unseen.
    max_deliver: -1,
    max_ack_pending: 10_000,
    ...(since
      ? { deliver_policy: DeliverPolicy.StartTime, opt_start_time: since.toISOString() }
      : { deliver_policy: DeliverPolicy.All }),
  };
  await bus.jsm.consumers.add(stream, config);
}
