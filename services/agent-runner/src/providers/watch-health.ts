import { setTimeout as wait } from "node:timers/promises";
import { describeError } from "@agentmesh/errors";
import type { Logger } from "@agentmesh/telemetry";
import type { Provider } from "./provider.ts";

export type ProviderHealth = AsyncDisposable & {
  isHealthy(provider: string): boolean;
  /** One line a provider in use, for people. */
  describe(): string;
};

export type HealthOptions = {
  readonly providers: () => readonly Provider[];
  readonly log: Logger;
  readonly onProbed: (provider: string, isHealthy: boolean) => void;
  /** Default 30 000. */
  readonly everyMs?: number;
  /** Default 10 000. */
  readonly timeoutMs?: number;
  /** Failed probes in a row that make a provider unhealthy. Default 3; one that succeeds makes it healthy again. */
  readonly failures?: number;
};

type Known = { failed: number; why: string };

/** Asks each provider in use now and then whether it lives: what is down is known before the next run finds out. */
export function watchHealth(options: HealthOptions): ProviderHealth {
  const { providers, log, onProbed, everyMs = 30_000, timeoutMs = 10_000, failures = 3 } = options;
  const known = new Map<string, Known>();
  const stop = new AbortController();

  async function probe(provider: Provider): Promise<void> {
    const before = known.get(provider.name)?.failed ?? 0;
    const now: Known = { failed: 0, why: "" };
    try {
      await provider.probe(AbortSignal.any([stop.signal, AbortSignal.timeout(timeoutMs)]));
    } catch (error) {
      if (stop.signal.aborted) return;
      now.failed = before + 1;
      now.why = describeError(error);
    }
    known.set(provider.name, now);
    onProbed(provider.name, now.failed < failures);
    if (before < failures && now.failed >= failures)
      log.warn({ provider: provider.name, reason: now.why }, "unhealthy");
    if (before >= failures && now.failed === 0) log.info({ provider: provider.name }, "healthy again");
  }

  async function watchForever(): Promise<void> {
    while (!stop.signal.aborted) {
      await Promise.all(providers().map(probe));
      await wait(everyMs, undefined, { signal: stop.signal, ref: false }).catch(() => undefined);
    }
  }

  const running = watchForever();
  return {
    isHealthy: (provider) => (known.get(provider)?.failed ?? 0) < failures,
    describe: () =>
      [...known]
        .map(
          ([name, { failed, why }]) =>
            `provider ${name}: ${failed < failures ? "healthy" : "unhealthy"}${why && ` (${why})`}`,
        )
        .join("\n"),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}
