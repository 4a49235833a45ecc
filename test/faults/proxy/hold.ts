import { type Moment, type MomentKind, mentions, type Verdict, type Watch } from "./moment.ts";

export type Match = {
  readonly at: MomentKind;
  /** Its process is this one; default any. */
  readonly process?: string;
  /** Its process is a replica of this service; default any. */
  readonly service?: string;
  readonly name?: string;
  /** All of these stand in what is said. */
  readonly mentions?: readonly string[];
};

/** One moment that is waited for, and held until it is let go. Disposing it lets go, also of what has not come yet. */
export type Hold = Disposable & {
  /** @throws Error when it has not come within the bound, default 20 000 ms */
  seen(withinMs?: number): Promise<Moment>;
  forward(): void;
  drop(): void;
};

export type Holds = {
  readonly watch: Watch;
  /** Holds the next moment that matches. */
  hold(match: Match): Hold;
};

type Armed = { readonly match: Match; readonly take: (moment: Moment) => Promise<Verdict> };

export function createHolds(): Holds {
  const armed = new Set<Armed>();
  return {
    watch(moment) {
      for (const one of armed) {
        if (!matches(one.match, moment)) continue;
        armed.delete(one);
        return one.take(moment);
      }
      return undefined;
    },
    hold(match) {
      const seen = Promise.withResolvers<Moment>();
      const verdict = Promise.withResolvers<Verdict>();
      const one: Armed = {
        match,
        take(moment) {
          seen.resolve(moment);
          return verdict.promise;
        },
      };
      armed.add(one);
      return {
        seen: (withinMs = 20_000) => within(seen.promise, withinMs, JSON.stringify(match)),
        forward: () => verdict.resolve("forward"),
        drop: () => verdict.resolve("drop"),
        [Symbol.dispose]() {
          armed.delete(one);
          verdict.resolve("forward");
        },
      };
    },
  };
}

function matches(match: Match, moment: Moment): boolean {
  const { at, process, service, name } = match;
  if (moment.at !== at) return false;
  if (process !== undefined && moment.process !== process) return false;
  if (service !== undefined && moment.process.replace(/-\d+$/, "") !== service) return false;
  if (name !== undefined && moment.name !== name) return false;
  return (match.mentions ?? []).every((text) => mentions(moment, text));
}

async function within<T>(promise: Promise<T>, timeoutMs: number, what: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`waited ${timeoutMs} ms for the moment ${what}`)), timeoutMs);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
