import { AppError } from "@agentmesh/errors";
import type { StepRef } from "@agentmesh/proto/orchestrator";

/** A step this worker may work on. Its signal is aborted when it may no longer, with the reason. */
export type Lease = {
  readonly ref: StepRef;
  readonly leaseMs: number;
  readonly signal: AbortSignal;
  /** @throws AppError when someone else has the step, or may by now: then it may have no effect any more */
  assertMayAct(nowMs: number): void;
  /** One of several effects that the step may have, from before it leaves until it is over. */
  act(): Act;
  /** False: someone else has the step or will; nothing may be reported. */
  isHeld: boolean;
  /** The orchestrator told it to stop, and may wait to hear that it did. */
  isStopped: boolean;
};

/** An effect that may be under way. Disposed of when it is over: a step that is to stop ends with its last. */
export type Act = Disposable & {
  /** As that of the lease. */
  assertMayAct(nowMs: number): void;
};

export type Leases = {
  readonly size: number;
  /**
   * Undefined when it is held already: a redelivered message starts nothing twice.
   *
   * @param timeoutMs after which the orchestrator may begin another attempt; 0: never
   * @param isOneCall it has one effect at most and is over with it; default false
   */
  take(ref: StepRef, leaseMs: number, nowMs: number, timeoutMs?: number, isOneCall?: boolean): Lease | undefined;
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

type Held = {
  readonly lease: Lease;
  readonly abort: AbortController;
  renewedAtMs: number;
  /** Effects that have left and are not over. The only one of a step that has one call is not over before the step. */
  acting: number;
};

// The part of a lease before whose end a worker stops by itself: clocks and pauses differ.
const SAFETY = 0.2;
const RENEW_AT = 1 / 3;

export function createLeases(onChange: (size: number) => void): Leases {
  const held = new Map<string, Held>();

  function lose({ lease, abort }: Held, reason: AppError): void {
    lease.isHeld = false;
    abort.abort(reason);
  }

  function stop(each: Held): void {
    each.lease.isStopped = true;
    // A request that has left may have its effect all the same, after it was given up and even after it was undone. So
    // its end is awaited and reported, for as long as the lease lasts: then there is something known to undo.
    if (each.acting === 0) lose(each, stopped(each.lease.ref));
  }

  function loseIfOver(each: Held, nowMs: number): void {
    const isOver = nowMs - each.renewedAtMs > each.lease.leaseMs * (1 - SAFETY);
    if (isOver && each.lease.isHeld)
      lose(each, failure("UNAVAILABLE", each.lease.ref, "its lease could not be renewed"));
  }

  return {
    get size() {
      return held.size;
    },
    take(ref, leaseMs, nowMs, timeoutMs = 0, isOneCall = false) {
      const key = keyOf(ref);
      if (held.has(key)) return undefined;
      const abort = new AbortController();
      const lease: Lease = { ref, leaseMs, signal: abort.signal, isHeld: true, isStopped: false, assertMayAct, act };
      const taken: Held = { lease, abort, renewedAtMs: nowMs, acting: 0 };
      // A process that was frozen comes here before its timers do.
      function assertMayAct(atMs: number): void {
        loseIfOver(taken, atMs);
        abort.signal.throwIfAborted();
        if (timeoutMs > 0 && atMs - nowMs > timeoutMs) {
          throw new AppError("DEADLINE_EXCEEDED", `step ${ref.node} of run ${ref.runId}: its ${timeoutMs} ms are over`);
        }
        if (lease.isStopped) throw stopped(ref);
        if (isOneCall) taken.acting = 1;
      }
      function act(): Act {
        let hasLeft = false;
        return {
          assertMayAct(atMs) {
            assertMayAct(atMs);
            if (!isOneCall && !hasLeft) taken.acting += 1;
            hasLeft = true;
          },
          [Symbol.dispose]() {
            if (isOneCall || !hasLeft) return;
            hasLeft = false;
            taken.acting -= 1;
            if (taken.acting === 0 && lease.isStopped && lease.isHeld) lose(taken, stopped(ref));
          },
        };
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
    renew(lostRefs, asked, sentAtMs) {
      const lost = new Set(lostRefs.map(keyOf));
      for (const ref of asked) {
        const found = held.get(keyOf(ref));
        if (!found) continue;
        if (lost.has(keyOf(ref))) stop(found);
        else found.renewedAtMs = sentAtMs;
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

function stopped(ref: StepRef): AppError {
  return failure("CANCELLED", ref, "the orchestrator said stop");
}

function failure(code: "CANCELLED" | "UNAVAILABLE", { node, runId }: StepRef, why: string): AppError {
  return new AppError(code, `step ${node} of run ${runId}: ${why}`);
}

function keyOf(ref: StepRef): string {
  return `${ref.runId}/${ref.node}/${ref.shard}/${ref.epoch}`;
}
