import { describeError } from "@agentmesh/errors";
import type { Logger } from "@agentmesh/telemetry";

/** One after the other, never two at a time; a failure is logged and the next one comes in its time. */
export function every(
  periodMs: number,
  what: string,
  work: () => Promise<void>,
  log: Logger,
): { stop(): Promise<void> } {
  const stopped = new AbortController();
  async function loop(): Promise<void> {
    while (!stopped.signal.aborted) {
      await pause(periodMs, stopped.signal);
      if (stopped.signal.aborted) return;
      await work().catch((error) => log.warn({ reason: describeError(error) }, `${what} failed`));
    }
  }
  const looping = loop();
  return {
    stop() {
      stopped.abort();
      return looping;
    },
  };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  signal.addEventListener("abort", () => resolve(), { once: true });
  return promise.finally(() => clearTimeout(timer));
}
