import type { InvalidateCacheReply, InvalidateCacheRequest } from "@agentmesh/proto/cache";
import { type Call, type DeepPartial, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { scopeOf } from "../domain/scope.ts";
import { publishInvalidation } from "../events/invalidation.ts";

/** Fails when Redis is away: an invalidation that half the replicas never hear of must not look done. */
export async function invalidateCache(
  context: Context,
  request: InvalidateCacheRequest,
  call: Call,
): Promise<DeepPartial<InvalidateCacheReply>> {
  const { tenant, subject } = requirePrincipal(call);
  const scope = scopeOf(request);
  const epoch = await context.epochs.raise(tenant, scope, Date.now());
  publishInvalidation(context, tenant, scope, epoch);
  context.log.info({ tenant, scope, epoch, subject }, "cache invalidated");
  return { epoch: BigInt(epoch) };
}
