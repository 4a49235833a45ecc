import { setTimeout as wait } from "node:timers/promises";
import { describeError } from "@agentmesh/errors";
import type { ConsumerMessages, JsMsg } from "@nats-io/jetstream";
import type { Bus } from "./connect.ts";
import { ensureConsumer, redeliveryDelayMs } from "./consume.ts";
import { WORK_STREAM } from "./streams.ts";

export type WorkMessage = {
  readonly subject: string;
  readonly data: Uint8Array;
  ack(): void;
  nak(delayMs?: number): void;
};

export type WorkOptions = {
  readonly durable: string;
  readonly filter: string;
  /** How many more messages can be started now; asked before each pull. */
  readonly credit: () => number;
  /** Resolves when credit may have grown from 0. */
  readonly onCredit: () => Promise<void>;
  /** Must acknowledge each; not awaited before the next pull, for `credit` is the bound. A throw delays them all. */
  readonly handle: (messages: readonly WorkMessage[]) => void;
};

const MAX_PULL = 256;
const PULL_EXPIRES_MS = 5_000;
const RECONNECT_WAIT_MS = 250;
// After the first message of a pull, how long to collect more that are already on their way.
const LINGER_MS = 1;

/**
 * Pulls work only for free places: a message that waits in a process's memory burns its ack wait and keeps others from
 * taking it.
 */
export function pullWork(bus: Bus, options: WorkOptions): AsyncDisposable {
  const stop = new AbortController();
  const running = pullForever(bus, options, stop.signal);
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}

async function pullForever(bus: Bus, options: WorkOptions, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await ensureConsumer(bus, { stream: WORK_STREAM, durable: options.durable, filter: options.filter });
      await pullUntilBroken(bus, options, signal);
    } catch (error) {
      if (signal.aborted) return;
      bus.log.warn({ durable: options.durable, reason: describeError(error) }, "work queue interrupted; pulling again");
      await wait(RECONNECT_WAIT_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}

async function pullUntilBroken(bus: Bus, options: WorkOptions, signal: AbortSignal): Promise<void> {
  const consumer = await bus.js.consumers.get(WORK_STREAM, options.durable);
  let pull: ConsumerMessages | undefined;
  const aborted = Promise.withResolvers<void>();
  function end(): void {
    aborted.resolve();
    void pull?.close();
  }
  signal.addEventListener("abort", end, { once: true });
  try {
    while (!signal.aborted) {
      const credit = Math.min(options.credit(), MAX_PULL);
      if (credit <= 0) {
        await Promise.race([options.onCredit(), aborted.promise]);
        continue;
      }
      pull = await consumer.fetch({ max_messages: credit, expires: PULL_EXPIRES_MS });
      if (signal.aborted) end();
      await handOver(bus, pull, options);
    }
  } finally {
    signal.removeEventListener("abort", end);
  }
}

async function handOver(bus: Bus, pull: AsyncIterable<JsMsg>, options: WorkOptions): Promise<void> {
  let batch: JsMsg[] = [];
  let timer: NodeJS.Timeout | undefined;
  function flush(): void {
    timer = undefined;
    if (batch.length === 0) return;
    const full = batch;
    batch = [];
    try {
      options.handle(full);
    } catch (error) {
      bus.log.error({ durable: options.durable, reason: describeError(error) }, "work not started; it comes again");
      for (const message of full) message.nak(redeliveryDelayMs(message.info.deliveryCount));
    }
  }
  for await (const message of pull) {
    batch.push(message);
    timer ??= setTimeout(flush, LINGER_MS);
  }
  clearTimeout(timer);
  flush();
}
