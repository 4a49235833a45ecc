import { AppError } from "@agentmesh/errors";
import { BrokenCircuitError, CircuitState, ConsecutiveBreaker, circuitBreaker, handleWhen } from "cockatiel";

export type BreakerOptions = {
  readonly name: string;
  /** Consecutive failures that open it. Default 5. */
  readonly failures?: number;
  /** How long it stays open before a probe, in milliseconds. Default 60 000. */
  readonly openMs?: number;
  /** Which errors count; default all. A refusal of bad input says nothing about the other side's health. */
  readonly counts?: (error: unknown) => boolean;
  readonly onChange?: (state: "closed" | "open" | "half-open") => void;
};

export type Breaker = {
  /** @throws AppError UNAVAILABLE (BREAKER_OPEN) at once while it is open */
  run<T>(work: () => Promise<T>): Promise<T>;
  readonly state: "closed" | "open" | "half-open";
};

/** A circuit breaker: closed, open after consecutive failures, half-open with one probe at a time. */
export function createBreaker(options: BreakerOptions): Breaker {
  const { name, failures = 5, openMs = 60_000, counts = () => true, onChange } = options;
  const policy = circuitBreaker(handleWhen(counts), {
    halfOpenAfter: openMs,
    breaker: new ConsecutiveBreaker(failures),
  });
  policy.onStateChange((state) => onChange?.(named(state)));
  return {
    async run(work) {
      try {
        return await policy.execute(work);
      } catch (error) {
        if (!(error instanceof BrokenCircuitError)) throw error;
        throw new AppError("UNAVAILABLE", `${name}: not called, its last ${failures} calls failed; try again later`, {
          reason: "BREAKER_OPEN",
          retryAfterMs: openMs,
          cause: error,
        });
      }
    },
    get state() {
      return named(policy.state);
    },
  };
}

function named(state: CircuitState): "closed" | "open" | "half-open" {
  if (state === CircuitState.Closed) return "closed";
  return state === CircuitState.HalfOpen ? "half-open" : "open";
}
