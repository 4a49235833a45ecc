import { describeError } from "@agentmesh/errors";
import type { Logger } from "@agentmesh/telemetry";

export type Repeated = AsyncDisposable & {
  /** Runs again at once, or right after the run that is under way. */
  wake(): void;
};

/**
 * Runs something again and again, never twice at a time; a run that fails is logged and the next one comes as if it had
 * not. Disposing it waits for the run that is under way.
 */
export function repeat(options: {
  readonly name: string;
  readonly everyMs: number;
  readonly log: Logger;
  readonly run: () => Promise<unknown>;
}): Repeated {
  const { name, everyMs, log, run } = options;
  let stopped = false;
  let woken = false;
  let endWait = () => {};

  function wake(): void {
    woken = true;
    endWait();
  }

  async function idle(): Promise<void> {
    if (woken || stopped) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, everyMs);
    endWait = resolve;
    await promise;
    clearTimeout(timer);
  }

  async function loop(): Promise<void> {
    while (!stopped) {
      woken = false;
      try {
        await run();
      } catch (error) {
        log.warn({ name, reason: describeError(error) }, "a periodic run failed; it comes again");
      }
      await idle();
    }
  }

  const running = loop();
  return {
    wake,
    async [Symbol.asyncDispose]() {
      stopped = true;
      endWait();
      await running;
    },
  };
}
