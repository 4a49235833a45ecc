import { AppError } from "@agentmesh/errors";
import type { StepRef } from "@agentmesh/proto/orchestrator";

/** A step this worker may work on. Its signal is aborted when it may no longer, with the reason. */
export type Lease = {
  readonly ref: StepRef;
  readonly leaseMs: number;
  readonly signal: AbortSignal;
  /** @throws AppError when someone else has the step, or may by now: then it may have no effect any more */
  assertMayAct(nowMs: number): void;
  /** False: someone else has the step or will; nothing may be reported. */
  isHeld: boolean;
  /** The orchestrator told it to stop, and may wait to hear that it did. */
  isStopped: boolean;
};

export type Leases = {
  readonly size: number;
  /**
   * Undefined when it is held already: a redelivered message starts nothing twice.
   *
   * @param timeoutMs after which the orchestrator may begin another attempt; 0: never
   */
  take(ref: StepRef, leaseMs: number, nowMs: number, timeoutMs?: number): Lease | undefined;
  release(lease: Lease): void;
  refs(): StepRef[];
  /** Whether some lease is due to be renewed. */
  isDue(heartbeatMs: number, nowMs: number): boolean;
  /** A heartbeat was answered: `sentAtMs` is when it was sent, for the lease began no later than that. */
  renew(stopped: readonly StepRef[], asked: readonly StepRef[], sentAtMs: number): void;
  /** Ends what could not be renewed, while its lease still keeps others away. */
  fence(nowMs: number): void;
  /** Ends all that is left, to be reported as handed back. */
  handBack(): void;
};

type Held = { readonly lease: Lease; readonly abort: AbortController; renewedAtMs: number };

// The part of a lease before whose end a worker stops by itself: clocks and pauses differ.
const SAFETY = 0.2;
const RENEW_AT = 1 / 3;

export function createLeases(onChange: (size: number) => void): Leases {
  const held = new Map<string, Held>();

  function lose({ lease, abort }: Held, code: "CANCELLED" | "UNAVAILABLE", why: string): void {
    lease.isHeld = false;
    abort.abort(new AppError(code, `step ${lease.ref.node} of run ${lease.ref.runId}: ${why}`));
  }

  function loseIfOver(each: Held, nowMs: number): void {
    const isOver = nowMs - each.renewedAtMs > each.lease.leaseMs * (1 - SAFETY);
    if (isOver && each.lease.isHeld) lose(each, "UNAVAILABLE", "its lease could not be renewed");
  }

  return {
    get size() {
      return held.size;
    },
    take(ref, leaseMs, nowMs, timeoutMs = 0) {
      const key = keyOf(ref);
      if (held.has(key)) return undefined;
      const abort = new AbortController();
      const lease: Lease = { ref, leaseMs, signal: abort.signal, isHeld: true, isStopped: false, assertMayAct };
      const taken: Held = { lease, abort, renewedAtMs: nowMs };
      // A process that was frozen comes here before its timers do.
      function assertMayAct(atMs: number): void {
        loseIfOver(taken, atMs);
        abort.signal.throwIfAborted();
        if (timeoutMs > 0 && atMs - nowMs > timeoutMs) {
          throw new AppError("DEADLINE_EXCEEDED", `step ${ref.node} of run ${ref.runId}: its ${timeoutMs} ms are over`);
        }
      }
      held.set(key, taken);
      onChange(held.size);
      return lease;
    },
    release(lease) {
      held.delete(keyOf(lease.ref));
      onChange(held.size);
    },
    refs: () => [...held.values()].filter(({ lease }) => lease.isHeld).map(({ lease }) => lease.ref),
    isDue(heartbeatMs, nowMs) {
      for (const { lease, renewedAtMs } of held.values()) {
        if (lease.isHeld && nowMs - renewedAtMs >= Math.min(heartbeatMs, lease.leaseMs * RENEW_AT)) return true;
      }
      return false;
    },
    renew(stopped, asked, sentAtMs) {
      const lost = new Set(stopped.map(keyOf));
      for (const ref of asked) {
        const found = held.get(keyOf(ref));
        if (!found) continue;
        if (lost.has(keyOf(ref))) {
          found.lease.isStopped = true;
          lose(found, "CANCELLED", "the orchestrator said stop");
        } else found.renewedAtMs = sentAtMs;
      }
    },
    fence(nowMs) {
      for (const each of held.values()) loseIfOver(each, nowMs);
    },
    handBack() {
      for (const { abort } of held.values()) {
        abort.abort(new AppError("UNAVAILABLE", "the worker is shutting down", { reason: "WORKER_DRAINING" }));
      }
    },
  };
}

function keyOf(ref: StepRef): string {
  return `${ref.runId}/${ref.node}/${ref.shard}/${ref.epoch}`;
}
