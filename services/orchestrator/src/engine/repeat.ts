import { describeError } from "@agentmesh/errors";
import type { Context } from "../context.ts";

/** A round that comes again and again. */
export type Rounds = AsyncDisposable & {
  /** The next round comes now. */
  wake(): void;
};

/** Runs again and again, never twice at a time, whatever one round throws. */
export function repeat(
  { log }: Pick<Context, "log">,
  name: string,
  everyMs: number,
  round: () => Promise<void>,
): Rounds {
  let stopped = false;
  let woken = false;
  let wake = () => {};
  async function loop(): Promise<void> {
    while (!stopped) {
      woken = false;
      await round().catch((error) => log.warn({ name, reason: describeError(error) }, "round failed; it comes again"));
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      const timer = setTimeout(resolve, everyMs);
      if (stopped || woken) resolve();
      await promise;
      clearTimeout(timer);
    }
  }
  const running = loop();
  return {
    wake() {
      woken = true;
      wake();
    },
    async [Symbol.asyncDispose]() {
      stopped = true;
      wake();
      await running;
    },
  };
}
