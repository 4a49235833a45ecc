import { setTimeout as wait } from "node:timers/promises";
import type { Bus } from "@agentmesh/bus";
import { defaultPolicy, findingActions, findingKinds, type Policy } from "@agentmesh/inspect";
import { watchResources } from "@agentmesh/resources";
import { z } from "zod";

export type DataPolicies = AsyncDisposable & {
  /** All policies of a tenant as one. @throws AppError UNAVAILABLE when compliance was not heard for too long */
  policyOf(tenant: string): Policy;
  /** The shortest time one of a tenant's policies allows to keep data; undefined: none says. @throws as `policyOf` */
  keepDaysOf(tenant: string): number | undefined;
  /** Resolves when compliance was heard, or after a while: without it, runs are refused and all else works. */
  heard(): Promise<void>;
};

const spec = z.object({
  rules: z.array(z.object({ kind: z.enum(findingKinds), action: z.enum(findingActions) })).default([]),
  retentionDays: z.int().min(1).optional(),
});

// The gateway's bound as well: a compliance that is silent for longer may have forbidden something unseen.
const MAX_STALE_MS = 15 * 60_000;
const HEAR_WITHIN_MS = 3_000;

export function watchDataPolicies(bus: Bus): DataPolicies {
  const combined = new Map<string, Policy>();
  const resources = watchResources(bus, "DataPolicy", (value) => spec.parse(value), {
    maxStaleMs: MAX_STALE_MS,
    onChange: () => combined.clear(),
  });

  function rowsOf(tenant: string) {
    return [...resources.entries()].map(([, row]) => row).filter((row) => row.tenant === tenant);
  }

  function combine(tenant: string): Policy {
    const rows = rowsOf(tenant);
    if (rows.length === 0) return defaultPolicy;
    return { rules: rows.flatMap((row) => row.spec.rules), version: Math.max(...rows.map((row) => row.version)) };
  }

  return {
    policyOf(tenant) {
      // Asked for even when the policy is remembered: this is what notices a stale snapshot.
      resources.get(`${tenant}._`);
      const known = combined.get(tenant);
      if (known) return known;
      const policy = combine(tenant);
      combined.set(tenant, policy);
      return policy;
    },
    keepDaysOf(tenant) {
      const days = rowsOf(tenant).flatMap(({ spec: { retentionDays } }) => retentionDays ?? []);
      return days.length > 0 ? Math.min(...days) : undefined;
    },
    heard: () => Promise.race([resources.loaded, wait(HEAR_WITHIN_MS, undefined, { ref: false })]),
    [Symbol.asyncDispose]: () => resources[Symbol.asyncDispose](),
  };
}
