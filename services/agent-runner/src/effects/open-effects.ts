import { setTimeout as wait } from "node:timers/promises";
import type { Database } from "@agentmesh/postgres";
import type { Logger } from "@agentmesh/telemetry";
import type { Tool } from "../domain/tool.ts";
import type { RunnerMetrics } from "../metrics.ts";
import { effectRows, markInDoubt } from "../store/effects.ts";
import { type Effect, type EffectPorts, haveOnce } from "./have-once.ts";

/** Effects that are had once though the other system takes no key of ours. */
export type Effects = {
  /** @throws AppError as `haveOnce` does */
  once(effect: Effect): Promise<unknown>;
  /** The tool that says whether an effect is there. @throws AppError NOT_FOUND */
  tool(tenant: string, name: string): Tool;
  /** The orchestrator took our word that a step is in doubt: from here on only a person lets it go on. */
  told(tenant: string, key: string, attempt: number): Promise<void>;
};

export function openEffects(options: {
  readonly db: Database;
  readonly log: Logger;
  readonly measured: Pick<RunnerMetrics, "effect">;
  readonly tool: Effects["tool"];
}): Effects {
  const { db, log, measured } = options;
  const ports: EffectPorts = {
    rows: effectRows(db),
    nowMs: () => performance.now(),
    // What ended the wait says more than that it ended.
    wait: (ms, signal) => wait(ms, undefined, { signal }).catch(() => signal.throwIfAborted()),
    onIntent: () => measured.effect("intent"),
    onOutcome: (outcome) => measured.effect(outcome),
    warn: ({ tenant, tool, key }, reason, message) => log.warn({ tenant, tool, key, reason }, message),
  };
  return {
    once: (effect) => haveOnce(ports, effect),
    tool: options.tool,
    told: (tenant, key, attempt) => markInDoubt(db, tenant, key, attempt),
  };
}
