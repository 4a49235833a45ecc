import { setTimeout as wait } from "node:timers/promises";
import { AppError, isAppError } from "@agentmesh/errors";

export type BackoffOptions = {
  /** Before the first retry, in milliseconds. Default 1000. */
  readonly delayMs?: number;
  /** Default 2. */
  readonly multiplier?: number;
  /** Default 10 000. */
  readonly maxDelayMs?: number;
};

export type RetryOptions = BackoffOptions & {
  /** Tries in all, the first included. Default 3. */
  readonly attempts?: number;
  /** An error that asks for a longer wait is thrown, in milliseconds. Default 60 000. */
  readonly maxRetryAfterMs?: number;
  readonly signal?: AbortSignal;
  /** Whether an error is worth another try; default: AppErrors that say they are retryable. */
  readonly retryable?: (error: unknown) => boolean;
};

/** Exponential backoff with full jitter: uniform in 0..min(cap, delay × multiplier^(retry-1)). `random` is 0..1. */
export function backoffMs(retryNumber: number, options: BackoffOptions, random: number = Math.random()): number {
  const { delayMs = 1000, multiplier = 2, maxDelayMs = 10_000 } = options;
  return random * Math.min(maxDelayMs, delayMs * multiplier ** (retryNumber - 1));
}

/**
 * Tries again after retryable failures, never sooner than the error's `retryAfterMs`. The last error is thrown, also
 * when the signal ends the wait.
 */
export async function retry<T>(run: (attempt: number) => Promise<T>, options: RetryOptions = {}): Promise<T> {
  const { attempts = 3, maxRetryAfterMs = 60_000, signal } = options;
  const { retryable = (error) => isAppError(error) && error.retryable } = options;
  for (let attempt = 1; ; attempt++) {
    try {
      return await run(attempt);
    } catch (error) {
      const askedMs = error instanceof AppError ? (error.retryAfterMs ?? 0) : 0;
      if (attempt >= attempts || askedMs > maxRetryAfterMs || signal?.aborted || !retryable(error)) throw error;
      await wait(Math.max(askedMs, backoffMs(attempt, options)), undefined, signal && { signal }).catch(() => {
        throw error;
      });
    }
  }
}
