/**
 * A circuit breaker of one model, as a machine that is told the time.
 *
 *   closed     calls pass; `failures` in a row open it
 *   open       none pass; after `openMs` it is half-open
 *   half-open  one call at a time passes; `successes` in a row close it, a failure opens it again
 */
export type BreakerState = "closed" | "open" | "half-open";

export type ModelBreaker = {
  /** Whether a call may be made: 0, or how long to wait, in milliseconds. One that may must be told of as ended. */
  admit(nowMs: number): number;
  /** `sick`: it failed in a way that speaks about the model; `spared`: it says nothing about it. */
  ended(outcome: "ok" | "sick" | "spared", nowMs: number): void;
  /** Another replica opened or closed its own. */
  follow(state: "open" | "closed", nowMs: number): void;
  readonly state: BreakerState;
};

export type ModelBreakerOptions = {
  /** Default 5. */
  readonly failures?: number;
  /** Default 3. */
  readonly successes?: number;
  /** Default 60 000. */
  readonly openMs?: number;
  /** `isOwn` is false where another replica was followed. */
  readonly onChange?: (state: BreakerState, isOwn: boolean) => void;
};

// Who finds the probe under way comes again when it may have ended.
const PROBE_WAIT_MS = 1_000;

export function createModelBreaker(options: ModelBreakerOptions = {}): ModelBreaker {
  const { failures = 5, successes = 3, openMs = 60_000, onChange } = options;
  let state: BreakerState = "closed";
  let inARow = 0;
  let openUntilMs = 0;
  let isProbing = false;

  function enter(next: BreakerState, isOwn = true): void {
    inARow = 0;
    isProbing = false;
    if (state === next) return;
    state = next;
    onChange?.(next, isOwn);
  }

  function open(nowMs: number, isOwn = true): void {
    openUntilMs = nowMs + openMs;
    enter("open", isOwn);
  }

  return {
    admit(nowMs) {
      if (state === "closed") return 0;
      if (state === "open") {
        if (nowMs < openUntilMs) return openUntilMs - nowMs;
        enter("half-open");
      }
      if (isProbing) return PROBE_WAIT_MS;
      isProbing = true;
      return 0;
    },
    ended(outcome, nowMs) {
      // A call that began before it opened says nothing new.
      if (state === "open") return;
      isProbing = false;
      if (outcome === "spared") return;
      if (state === "closed") {
        inARow = outcome === "ok" ? 0 : inARow + 1;
        if (inARow >= failures) open(nowMs);
      } else if (outcome === "sick") {
        open(nowMs);
      } else {
        inARow += 1;
        if (inARow >= successes) enter("closed");
      }
    },
    follow(told, nowMs) {
      if (told === "closed") enter("closed", false);
      else if (state === "closed") open(nowMs, false);
    },
    get state() {
      return state;
    },
  };
}
