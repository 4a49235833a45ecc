import { describeError } from "@agentmesh/errors";
import type { LookupReply, LookupRequest } from "@agentmesh/proto/cache";
import { type Call, type DeepPartial, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { hashKey } from "../domain/cache-key.ts";
import type { Entry } from "../domain/entry.ts";
import { partition, partitionEpoch } from "../domain/partition.ts";
import { agentScope, TENANT_SCOPE, tagScope } from "../domain/scope.ts";

/** Whatever fails inside is a miss: a caller is never worse off than without a cache. */
export async function lookup(context: Context, request: LookupRequest, call: Call): Promise<DeepPartial<LookupReply>> {
  const { tenant } = requirePrincipal(call);
  const hash = hashKey(tenant, request.key);
  const { counts, measured } = context;
  const agent = request.key?.agent ?? "";
  let epoch = "";
  try {
    epoch = partitionEpoch(await context.epochs.current(tenant, [TENANT_SCOPE, agentScope(agent)], Date.now()));
    const found = await search(context, tenant, partition(tenant, epoch), hash);
    if (found) {
      const { entry, tier } = found;
      measured.looked(tier);
      counts.add(tenant, { [tier === "l1" ? "l1Hits" : "l2Hits"]: 1, savedNanoUsd: entry.costNanoUsd });
      return {
        hit: true,
        tier,
        value: entry.value,
        ageS: Math.max(0, Math.floor((Date.now() - entry.storedAtMs) / 1000)),
        costNanoUsd: entry.costNanoUsd,
      };
    }
  } catch (error) {
    measured.degraded("lookup");
    context.log.debug({ reason: describeError(error) }, "lookup degraded to a miss");
  }
  measured.looked("none");
  counts.add(tenant, { misses: 1 });
  return { hit: false, epoch };
}

async function search(
  context: Context,
  tenant: string,
  place: string,
  hash: string,
): Promise<{ entry: Entry; tier: "l1" | "l2" } | undefined> {
  const near = context.l1.get(place, hash);
  if (near && (await isCurrent(context, tenant, near))) return { entry: near, tier: "l1" };
  const far = await context.l2.get(place, hash);
  if (!far || !(await isCurrent(context, tenant, far))) return undefined;
  context.l1.set(place, hash, tenant, far, Date.now());
  return { entry: far, tier: "l2" };
}

async function isCurrent({ epochs }: Context, tenant: string, entry: Entry): Promise<boolean> {
  const nowMs = Date.now();
  if (entry.expiresAtMs <= nowMs) return false;
  const tags = Object.keys(entry.tags);
  if (tags.length === 0) return true;
  const current = await epochs.current(tenant, tags.map(tagScope), nowMs);
  return tags.every((tag, index) => entry.tags[tag] === current[index]);
}
