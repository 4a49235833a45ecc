import type { Bus, Snapshot } from "@agentmesh/bus";
import { defaultPolicy, findingActions, findingKinds, type Policy } from "@agentmesh/inspect";
import { type ResourceSnapshotRow, watchResources } from "@agentmesh/resources";
import { z } from "zod";

/** What other services own and this one refers to, in memory. */
export type Snapshots = AsyncDisposable & {
  /**
   * Whether a resource exists. Waits a moment for one that is just on its way here; undefined when its owner was not
   * heard lately, so that nobody knows.
   */
  exists(kind: ForeignKind, tenant: string, name: string): Promise<boolean | undefined>;
  /** As `exists`, without waiting. */
  has(kind: ForeignKind, tenant: string, name: string): boolean | undefined;
  /** The spec of a resource as far as it is known here. */
  specOf(kind: ForeignKind, tenant: string, name: string): unknown;
  /** What is done about what is found in texts of a tenant. Just after the start it waits for the policies to be read. */
  policyOf(tenant: string): Promise<Policy>;
};

export type ForeignKind = "Agent" | "Tool" | "ServiceAccount";

// Owners beat every two seconds.
const HEARD_WITHIN_MS = 30_000;
const ON_ITS_WAY_MS = 1_000;
const LOAD_WITHIN_MS = 3_000;

const ruleSchema = z.object({ kind: z.enum(findingKinds), action: z.enum(findingActions) });
const policySchema = z.object({ rules: z.array(z.unknown()) });

type Rules = Policy["rules"];

export function openSnapshots(bus: Bus): Snapshots {
  const stack = new AsyncDisposableStack();
  const changed = new EventTarget();
  const tell = { onChange: () => changed.dispatchEvent(new Event("change")) };
  const watch = (kind: string) => stack.use(watchResources<unknown>(bus, kind, (spec) => spec, tell));
  const foreign: Readonly<Record<ForeignKind, Snapshot<ResourceSnapshotRow<unknown>>>> = {
    Agent: watch("Agent"),
    Tool: watch("Tool"),
    ServiceAccount: watch("ServiceAccount"),
  };
  const policies = new Map<string, Policy>();
  const declared = stack.use(watchResources<Rules>(bus, "DataPolicy", readRules, { onChange: () => policies.clear() }));
  const read = Promise.race([declared.loaded, after(LOAD_WITHIN_MS)]);
  return {
    async exists(kind, tenant, name) {
      const snapshot = foreign[kind];
      const deadline = performance.now() + ON_ITS_WAY_MS;
      while (snapshot.get(`${tenant}.${name}`) === undefined) {
        if (snapshot.ageMs > HEARD_WITHIN_MS) return undefined;
        const leftMs = deadline - performance.now();
        if (leftMs <= 0) return false;
        await nextChange(changed, leftMs);
      }
      return true;
    },
    has(kind, tenant, name) {
      const snapshot = foreign[kind];
      if (snapshot.get(`${tenant}.${name}`) !== undefined) return true;
      return snapshot.ageMs > HEARD_WITHIN_MS ? undefined : false;
    },
    specOf: (kind, tenant, name) => foreign[kind].get(`${tenant}.${name}`)?.spec,
    async policyOf(tenant) {
      await read;
      const known = policies.get(tenant);
      if (known) return known;
      const made = mergePolicies(tenant, declared);
      policies.set(tenant, made);
      return made;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Rules of a kind or action that this version does not know are left to those that do. */
function readRules(spec: unknown): Rules {
  return policySchema.parse(spec).rules.flatMap((rule) => {
    const read = ruleSchema.safeParse(rule);
    return read.success ? [read.data] : [];
  });
}

/** All of a tenant's policies hold; where two speak of one kind, the stricter action does. */
function mergePolicies(tenant: string, declared: Snapshot<ResourceSnapshotRow<Rules>>): Policy {
  const rules = [...declared.entries()].filter(([, row]) => row.tenant === tenant).flatMap(([, row]) => row.spec);
  return rules.length === 0 ? defaultPolicy : { rules, version: 1 };
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}

function nextChange(changed: EventTarget, withinMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, withinMs);
  changed.addEventListener("change", () => resolve(), { once: true });
  return promise.finally(() => clearTimeout(timer));
}
