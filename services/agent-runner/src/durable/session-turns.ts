import { type Bus, subjectToken } from "@agentmesh/bus";
import type { SessionKey } from "../store/sessions.ts";

/** Wakes whoever waits for a turn in a session when the turn before ends. */
export type SessionTurns = AsyncDisposable & {
  /** After the end of a turn is committed. */
  ended(key: SessionKey): void;
  /** From now on until it is disposed the ticket hears of turns that end, the lowest one in this process first. */
  enter(key: SessionKey, ticket: bigint): Waiting;
};

export type Waiting = Disposable & {
  /** Resolves when a turn has ended since the last time, after `timeoutMs`, or on abort. */
  wait(timeoutMs: number, signal: AbortSignal): Promise<void>;
};

type Waiter = { readonly ticket: bigint; readonly wake: () => void };

const HINTS = "hint.agent-session";

export function openSessionTurns(bus: Bus): SessionTurns {
  const waiting = new Map<string, Set<Waiter>>();
  const hints = bus.nc.subscribe(`${HINTS}.*`, {
    callback: (error, message) => {
      if (!error) wakeFirst(message.string());
    },
  });

  function wakeFirst(name: string): void {
    let first: Waiter | undefined;
    for (const waiter of waiting.get(name) ?? []) {
      if (!first || waiter.ticket < first.ticket) first = waiter;
    }
    first?.wake();
  }

  return {
    ended(key) {
      const name = nameOf(key);
      wakeFirst(name);
      if (!bus.nc.isClosed()) bus.nc.publish(`${HINTS}.${subjectToken(key.tenant)}`, name);
    },
    enter(key, ticket) {
      const name = nameOf(key);
      let news = Promise.withResolvers<void>();
      const waiter = { ticket, wake: () => news.resolve() };
      const waiters = waiting.get(name) ?? new Set();
      waiting.set(name, waiters.add(waiter));
      return {
        async wait(timeoutMs, signal) {
          const timer = setTimeout(waiter.wake, timeoutMs);
          signal.addEventListener("abort", waiter.wake, { once: true });
          if (!signal.aborted) await news.promise;
          clearTimeout(timer);
          signal.removeEventListener("abort", waiter.wake);
          news = Promise.withResolvers<void>();
        },
        [Symbol.dispose]() {
          waiters.delete(waiter);
          if (waiters.size === 0) waiting.delete(name);
        },
      };
    },
    async [Symbol.asyncDispose]() {
      hints.unsubscribe();
    },
  };
}

function nameOf({ tenant, agent, subject, session }: SessionKey): string {
  return JSON.stringify([tenant, agent, subject, session]);
}
