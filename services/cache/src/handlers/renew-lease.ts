import type { RenewLeaseReply, RenewLeaseRequest } from "@agentmesh/proto/cache";
import { type Call, type DeepPartial, requirePrincipal } from "@agentmesh/rpc";
import { flightOf, placeOf } from "../answers/read-lookup.ts";
import type { Context } from "../context.ts";
import { hashKey } from "../domain/cache-key.ts";

export async function renewLease(
  context: Context,
  { key, epoch, lease }: RenewLeaseRequest,
  call: Call,
): Promise<DeepPartial<RenewLeaseReply>> {
  const { tenant } = requirePrincipal(call);
  return { held: await context.flights.renew(flightOf(placeOf(tenant, epoch, hashKey(tenant, key))), lease) };
}
