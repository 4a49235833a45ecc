import { describeError } from "@agentmesh/errors";
import { newId } from "@agentmesh/ids";
import type { Logger } from "@agentmesh/telemetry";
import { LRUCache } from "lru-cache";
import type { RedisLink } from "../store/redis.ts";

export type Joined =
  | { readonly is: "lead"; readonly lease: string }
  | { readonly is: "wait" }
  | { readonly is: "alone" };

/**
 * One caller makes an answer, the others wait: over all replicas, by a lease in Redis (`f:<flight>`). While Redis is
 * away each replica keeps its own callers together.
 *
 *   join ── nobody at it ─────▶ lead ── renew … ── end ──▶ those who wait look again, and one of them leads if there is
 *     ├──── somebody is ──────▶ wait ◀── hint, or look again after RECHECK_MS ──┘          no answer
 *     └──── ended unshared ───▶ alone: answers to this differ from caller to caller, so waiting would only queue them
 */
export type Flights = {
  join(flight: string): Promise<Joined>;
  /** @returns whether the lease is still held */
  renew(flight: string, lease: string): Promise<boolean>;
  /** Gives a lease back, and tells all who wait. `unshared`: for a minute nobody waits for such an answer. */
  end(flight: string, lease: string, unshared?: boolean): Promise<void>;
  /** Another replica heard that it ended. */
  heardEnd(flight: string): void;
  /** Resolves when the flight may have ended: after a hint or `ms`. */
  changed(flight: string, ms: number, signal: AbortSignal): Promise<void>;
  readonly leaseMs: number;
};

/** How long it is believed that somebody is at it, without asking Redis again. */
const BELIEVED_MS = 500;
const MAX_BELIEVED = 100_000;
const LOCAL = "local-";
const UNSHARED = "-";
const UNSHARED_MS = 60_000;

// Only who holds the lease may lengthen or end it.
const RENEW =
  "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], ARGV[2]) end return 0";
const END = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0";
const END_UNSHARED = `if redis.call('get', KEYS[1]) == ARGV[1] then
  return redis.call('set', KEYS[1], '${UNSHARED}', 'PX', ${UNSHARED_MS}) end return 0`;

export function createFlights(options: {
  redis: RedisLink;
  leaseMs: number;
  /** Tells the other replicas. */
  publishEnd: (flight: string) => void;
  log: Logger;
}): Flights {
  const { redis, leaseMs, log } = options;
  /** Flights that somebody is known to be at, until when that is believed, and the lease where Redis has none. */
  const believed = new LRUCache<string, { untilMs: number; localLease: string }>({ max: MAX_BELIEVED });
  const waiting = new Map<string, Set<() => void>>();

  function believe(flight: string, ms: number, localLease = ""): void {
    believed.set(flight, { untilMs: performance.now() + ms, localLease });
  }

  function wake(flight: string): void {
    believed.delete(flight);
    const wakers = waiting.get(flight);
    waiting.delete(flight);
    for (const resolve of wakers ?? []) resolve();
  }

  return {
    leaseMs,
    async join(flight) {
      if ((believed.get(flight)?.untilMs ?? 0) > performance.now()) return { is: "wait" };
      // Before Redis is asked, so that of a thousand callers here one asks.
      believe(flight, BELIEVED_MS);
      const lease = newId();
      try {
        const held = await redis.run((client) => client.set(`f:${flight}`, lease, "PX", leaseMs, "NX", "GET"));
        if (held === UNSHARED) wake(flight);
        return held === null ? { is: "lead", lease } : { is: held === UNSHARED ? "alone" : "wait" };
      } catch (error) {
        log.debug({ reason: describeError(error) }, "single flight within this replica only");
        believe(flight, leaseMs, LOCAL + lease);
        return { is: "lead", lease: LOCAL + lease };
      }
    },
    async renew(flight, lease) {
      if (lease.startsWith(LOCAL)) {
        const isHeld = believed.get(flight)?.localLease === lease;
        if (isHeld) believe(flight, leaseMs, lease);
        return isHeld;
      }
      return (await redis.run((client) => client.eval(RENEW, 1, `f:${flight}`, lease, leaseMs))) === 1;
    },
    async end(flight, lease, unshared = false) {
      const script = unshared ? END_UNSHARED : END;
      try {
        if (!lease.startsWith(LOCAL)) await redis.run((client) => client.eval(script, 1, `f:${flight}`, lease));
      } catch (error) {
        log.debug({ reason: describeError(error) }, "a lease is left to end by itself");
      }
      wake(flight);
      options.publishEnd(flight);
    },
    heardEnd: wake,
    changed(flight, ms, signal) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const wakers = waiting.get(flight) ?? new Set();
      waiting.set(flight, wakers.add(resolve));
      const timer = setTimeout(resolve, ms);
      const leave = () => resolve();
      signal.addEventListener("abort", leave, { once: true });
      return promise.finally(() => {
        clearTimeout(timer);
        signal.removeEventListener("abort", leave);
        wakers.delete(resolve);
        if (wakers.size === 0 && waiting.get(flight) === wakers) waiting.delete(flight);
      });
    },
  };
}
