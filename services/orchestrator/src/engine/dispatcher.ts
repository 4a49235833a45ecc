import { type Bus, WORK_STREAM } from "@agentmesh/bus";
import { describeError } from "@agentmesh/errors";
import type { Database } from "@agentmesh/postgres";
import type { OrchestratorMetrics } from "../metrics.ts";
import { measureBacklog, releaseBacklog } from "../store/backlog.ts";
import { type Address, openStepSender } from "./send-steps.ts";

export type Dispatcher = AsyncDisposable & {
  /** How many steps may be dispatched now; 0 while older ones wait in the backlog. */
  credit(): number;
  /** Counts steps as dispatched, before their commit: a roll-back is put right at the next look. */
  take(steps: number): void;
  /** Steps left the queue. */
  claimed(steps: number): void;
  /** Sends after the commit. What is lost on the way is sent again when nobody claimed it. */
  send(addresses: readonly Address[]): void;
  /** Steps wait in the backlog: from now on nothing overtakes them. */
  noteBacklog(): void;
};

export type DispatcherOptions = {
  readonly bus: Bus;
  readonly db: Database;
  readonly metrics: OrchestratorMetrics;
  /** Dispatched and unclaimed at a time. */
  readonly credit: number;
  readonly everyMs: number;
};

// While steps wait, the queue is looked at this often; otherwise once a sweep.
const BUSY_MS = 50;
const MAX_RELEASE = 500;
const MAX_COUNTED = 10_000;

/**
 * Releases steps to JetStream while runners have credit. How full the queue is comes from the server's own count of
 * unacknowledged messages, and between two looks from what went out and what was claimed here; several replicas share
 * one queue, so the bound is kept roughly.
 */
export function startDispatcher(options: DispatcherOptions): Dispatcher {
  const { bus, db, metrics } = options;
  const stop = new AbortController();
  const sender = openStepSender(bus);
  let unclaimed = 0;
  let backlog = true;
  let afterTenant = "";
  let measureAtMs = 0;
  let wake = () => {};

  async function look(): Promise<void> {
    const { state } = await bus.jsm.streams.info(WORK_STREAM);
    unclaimed = state.messages;
  }

  async function release(): Promise<void> {
    const limit = Math.min(options.credit - unclaimed, MAX_RELEASE);
    if (limit <= 0) return;
    const { released, more, nextTenant } = await releaseBacklog(db, limit, afterTenant);
    backlog = more;
    afterTenant = nextTenant;
    unclaimed += released.length;
    send(released.map((step) => ({ ...step, runId: step.run, again: false })));
  }

  /** Less often than releases, for it counts. */
  async function measure(): Promise<void> {
    if (performance.now() < measureAtMs) return;
    measureAtMs = performance.now() + options.everyMs;
    metrics.backlog(await measureBacklog(db, MAX_COUNTED));
  }

  function send(addresses: readonly Address[]): void {
    if (addresses.length === 0) return;
    metrics.dispatched(addresses.length, unclaimed);
    sender.send(addresses);
  }

  async function loop(): Promise<void> {
    while (!stop.signal.aborted) {
      try {
        await look();
        await release();
        await measure();
      } catch (error) {
        bus.log.warn({ reason: describeError(error) }, "backlog not released; it is tried again");
        await bus.ensureStreams().catch(() => undefined);
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      const timer = setTimeout(resolve, backlog ? BUSY_MS : options.everyMs);
      await promise;
      clearTimeout(timer);
    }
  }

  const running = loop();
  return {
    credit: () => (backlog ? 0 : Math.max(0, options.credit - unclaimed)),
    take(steps) {
      unclaimed += steps;
    },
    claimed(steps) {
      unclaimed = Math.max(0, unclaimed - steps);
    },
    send,
    noteBacklog() {
      if (backlog) return;
      backlog = true;
      wake();
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      wake();
      await running;
      await sender[Symbol.asyncDispose]();
    },
  };
}
