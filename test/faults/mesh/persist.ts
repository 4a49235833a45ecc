import { setTimeout as wait } from "node:timers/promises";

const pauseMs = 300;
const patienceMs = 120_000;

export type PersistOptions = {
  /** Errors that are an answer; default none. */
  readonly isFinal?: (error: unknown) => boolean;
  readonly signal?: AbortSignal | undefined;
};

/**
 * Asks until there is an answer: what is asked of may be dead or frozen at any moment.
 *
 * @throws what came last, after two minutes or when aborted
 */
export async function persist<T>(ask: () => Promise<T>, { isFinal, signal }: PersistOptions = {}): Promise<T> {
  const untilMs = Date.now() + patienceMs;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (isFinal?.(error) || signal?.aborted || Date.now() > untilMs) throw error;
      await wait(pauseMs);
    }
  }
}
