import type { ReleaseLeaseReply, ReleaseLeaseRequest } from "@agentmesh/proto/cache";
import { type Call, type DeepPartial, requirePrincipal } from "@agentmesh/rpc";
import { flightOf, placeOf } from "../answers/read-lookup.ts";
import type { Context } from "../context.ts";
import { hashKey } from "../domain/cache-key.ts";

export async function releaseLease(
  context: Context,
  { key, epoch, lease, unshared }: ReleaseLeaseRequest,
  call: Call,
): Promise<DeepPartial<ReleaseLeaseReply>> {
  const { tenant } = requirePrincipal(call);
  await context.flights.end(flightOf(placeOf(tenant, epoch, hashKey(tenant, key))), lease, unshared);
  return {};
}
