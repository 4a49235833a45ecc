import { setTimeout as delay } from "node:timers/promises";

const firstWaitMs = 10;
const longestWaitMs = 250;

export type EventuallyOptions = {
  /** What is waited for, as it stands in the error. */
  readonly what: string;
  /** Default 30 000. */
  readonly timeoutMs?: number;
};

/**
 * Calls `fn` until it returns something truthy, which it answers; a throw counts as "not yet". At the bound it rejects
 * with what was waited for and the last error.
 */
export async function eventually<T>(
  fn: () => T | Promise<T>,
  options: EventuallyOptions,
): Promise<Exclude<Awaited<T>, false | null | undefined | 0 | "">> {
  const timeoutMs = options.timeoutMs ?? 30_000;
  const deadline = performance.now() + timeoutMs;
  let waitMs = firstWaitMs;
  for (;;) {
    let last: unknown;
    try {
      const value = await fn();
      if (isPresent(value)) return value;
      last = new Error(`the last answer was ${String(value)}`);
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) {
      const reason = last instanceof Error ? last.message : String(last);
      throw new Error(`waited ${timeoutMs} ms for ${options.what}: ${reason}`, { cause: last });
    }
    await delay(waitMs);
    waitMs = Math.min(longestWaitMs, waitMs * 1.5);
  }
}

function isPresent<T>(value: T): value is Exclude<T, false | null | undefined | 0 | ""> {
  return Boolean(value);
}
