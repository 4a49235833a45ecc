import { setTimeout as wait } from "node:timers/promises";

const pauseMs = 300;
const patienceMs = 120_000;

/**
 * Asks until there is an answer: what is asked of may be dead or frozen at any moment.
 *
 * @param isFinal errors that are an answer; default none
 * @throws what came last, after two minutes
 */
export async function persist<T>(
  ask: () => Promise<T>,
  isFinal: (error: unknown) => boolean = () => false,
): Promise<T> {
  const untilMs = Date.now() + patienceMs;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (isFinal(error) || Date.now() > untilMs) throw error;
      await wait(pauseMs);
    }
  }
}
