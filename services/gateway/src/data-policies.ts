import type { Bus } from "@agentmesh/bus";
import { defaultPolicy, findingActions, findingKinds, type Policy } from "@agentmesh/inspect";
import { watchResources } from "@agentmesh/resources";
import { z } from "zod";

export type DataPolicies = AsyncDisposable & {
  /** All policies of a tenant as one. @throws AppError UNAVAILABLE (SNAPSHOT_STALE) when compliance was not heard too long */
  policyOf(tenant: string): Policy;
  readonly loaded: Promise<void>;
};

const spec = z.object({
  rules: z.array(z.object({ kind: z.enum(findingKinds), action: z.enum(findingActions) })).default([]),
});

// Policies change by the week; a compliance that has been silent for longer may have forbidden something unseen.
const MAX_STALE_MS = 15 * 60_000;

export function watchDataPolicies(bus: Bus): DataPolicies {
  const combined = new Map<string, Policy>();
  const resources = watchResources(bus, "DataPolicy", (value) => spec.parse(value), {
    maxStaleMs: MAX_STALE_MS,
    onChange: (key) => combined.delete(key.split(".")[0] ?? ""),
  });

  function combine(tenant: string): Policy {
    const rows = [...resources.entries()].filter(([, row]) => row.tenant === tenant).map(([, row]) => row);
    if (rows.length === 0) return defaultPolicy;
    const version = Math.max(...rows.map((row) => row.version));
    return { rules: rows.flatMap((row) => row.spec.rules), version };
  }

  return {
    policyOf(tenant) {
      // Also with a remembered policy: reading the snapshot is what notices that it is stale.
      resources.get(`${tenant}._`);
      const known = combined.get(tenant);
      if (known) return known;
      const policy = combine(tenant);
      combined.set(tenant, policy);
      return policy;
    },
    loaded: resources.loaded,
    [Symbol.asyncDispose]: () => resources[Symbol.asyncDispose](),
  };
}
