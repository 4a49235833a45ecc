import { setTimeout as wait } from "node:timers/promises";
import { describeError, toAppError } from "@agentmesh/errors";
import type { Logger } from "@agentmesh/telemetry";

/** Something that is asked now and then whether it lives. */
export type HealthTarget = {
  readonly kind: "provider" | "agent";
  /** Empty: it is nobody's own. */
  readonly tenant: string;
  readonly name: string;
  /** Resolves when it is well. @throws AppError, whose reason is told */
  probe(signal: AbortSignal): Promise<void>;
};

export type HealthChange = Pick<HealthTarget, "kind" | "tenant" | "name"> & {
  readonly healthy: boolean;
  /** A code, for instance `PROVIDER_UNAVAILABLE`; empty when it is healthy. */
  readonly reason: string;
};

export type Health = AsyncDisposable & {
  isHealthy(provider: string): boolean;
  /** For people: a line for each provider in use, one for all agents, and one for each agent that is not well. */
  describe(): string;
};

export type HealthOptions = {
  /** What there is to ask, read before each round. What is not well is asked until it is, also when it is no longer here. */
  readonly targets: (isHealthy: Health["isHealthy"]) => readonly HealthTarget[];
  readonly log: Logger;
  readonly onProbed: (target: HealthTarget, isHealthy: boolean) => void;
  /**
   * What became certain in a round: the first success, failures enough, and each change since. What it throws is logged,
   * and the same changes come again after the next round.
   */
  readonly onChanges: (changes: readonly HealthChange[]) => Promise<void>;
  /** Default 30 000. */
  readonly everyMs?: number;
  /** Default 10 000. */
  readonly timeoutMs?: number;
  /** Failed probes in a row that make a target unhealthy. Default 3; one that succeeds makes it healthy again. */
  readonly failures?: number;
};

type Known = { target: HealthTarget; failed: number; code: string; why: string; told: boolean | undefined };

const MAX_LINES = 20;

/** Asks providers and agent pools whether they are well: what is down is known before the next run finds out. */
export function watchHealth(options: HealthOptions): Health {
  const { log, onProbed, everyMs = 30_000, timeoutMs = 10_000, failures = 3 } = options;
  const known = new Map<string, Known>();
  const stop = new AbortController();
  const isWell = ({ failed }: Known) => failed < failures;

  async function probe(target: HealthTarget): Promise<void> {
    const key = keyOf(target);
    const before = known.get(key);
    const now: Known = { target, failed: 0, code: "", why: "", told: before?.told };
    try {
      await target.probe(AbortSignal.any([stop.signal, AbortSignal.timeout(timeoutMs)]));
    } catch (error) {
      if (stop.signal.aborted) return;
      const { reason, code } = toAppError(error);
      Object.assign(now, { failed: (before?.failed ?? 0) + 1, code: reason ?? code, why: describeError(error) });
    }
    known.set(key, now);
    onProbed(target, isWell(now));
    const { kind, tenant, name } = target;
    const fields = { kind, name, ...(tenant && { tenant }) };
    if (now.failed === failures) log.warn({ ...fields, reason: now.why }, "unhealthy");
    if (before && !isWell(before) && isWell(now)) log.info(fields, "healthy again");
  }

  async function tell(): Promise<void> {
    // One failure is not certain yet: it may be the first of many, also for a replica that has just begun.
    const certain = [...known.values()].filter((each) => each.failed === 0 || !isWell(each));
    const news = certain.filter((each) => each.told !== isWell(each));
    if (news.length === 0) return;
    try {
      await options.onChanges(
        news.map((each) => {
          const { kind, tenant, name } = each.target;
          return { kind, tenant, name, healthy: isWell(each), reason: each.code };
        }),
      );
      for (const each of news) each.told = isWell(each);
    } catch (error) {
      log.warn({ reason: describeError(error) }, "changes of health are told after the next probes");
    }
  }

  async function round(): Promise<void> {
    const targets = new Map(options.targets(isHealthy).map((target) => [keyOf(target), target]));
    for (const [key, each] of known) {
      if (targets.has(key)) continue;
      if (each.told === false || !isWell(each)) targets.set(key, each.target);
      else known.delete(key);
    }
    await Promise.all([...targets.values()].map(probe));
    if (!stop.signal.aborted) await tell();
  }

  async function watchForever(): Promise<void> {
    while (!stop.signal.aborted) {
      await round();
      await wait(everyMs, undefined, { signal: stop.signal, ref: false }).catch(() => undefined);
    }
  }

  function isHealthy(provider: string): boolean {
    const found = known.get(keyOf({ kind: "provider", tenant: "", name: provider }));
    return found === undefined || isWell(found);
  }

  const running = watchForever();
  return {
    isHealthy,
    describe() {
      const all = [...known.values()];
      const agents = all.filter(({ target }) => target.kind === "agent");
      const sick = agents.filter((each) => !isWell(each));
      const count = `agents: ${agents.length - sick.length} of ${agents.length} healthy`;
      const providers = all.filter(({ target }) => target.kind === "provider");
      return [...providers.map(lineOf), count, ...sick.slice(0, MAX_LINES).map(lineOf)].join("\n");
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };

  function lineOf(each: Known): string {
    const { kind, tenant, name } = each.target;
    const state = isWell(each) ? "healthy" : "unhealthy";
    return `${kind} ${tenant && `${tenant}/`}${name}: ${state}${each.why && ` (${each.why})`}`;
  }
}

function keyOf({ kind, tenant, name }: Pick<HealthTarget, "kind" | "tenant" | "name">): string {
  return `${kind}/${tenant}/${name}`;
}
