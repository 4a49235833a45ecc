import { describeError } from "@agentmesh/errors";
import type { LookupReply, LookupRequest } from "@agentmesh/proto/cache";
import type { DeepPartial } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { partitionEpoch } from "../domain/partition.ts";
import type { Payer } from "../domain/payer.ts";
import { agentScope, TENANT_SCOPE } from "../domain/scope.ts";
import type { Counts } from "../domain/stats.ts";
import type { Joined } from "../flights/flights.ts";
import { type Asked, flightOf, type Place, placeOf, readLookup } from "./read-lookup.ts";
import { searchAlike } from "./search-alike.ts";
import { type Hit, searchExact } from "./search-exact.ts";

export type Reply = DeepPartial<LookupReply>;

/** A lookup under the epoch it saw. */
type Placed = Asked & { readonly epoch: string; readonly place: Place };

/**
 * Looks all up in one pass: L1, L2, other wordings, and for what is left who makes the answer. Whatever fails inside is
 * a miss: a caller is never worse off than without a cache.
 *
 * @throws AppError INVALID_ARGUMENT where a key is not complete
 */
export async function findAnswers(
  context: Context,
  payer: Payer,
  lookups: readonly LookupRequest[],
): Promise<readonly Reply[]> {
  const { tenant } = payer;
  const asked = lookups.map((lookup) => readLookup(context.config, payer, lookup));
  const placed = await placeAll(context, tenant, asked);
  if (!placed) return asked.map(() => miss(context, tenant, { epoch: "" }));
  const exact = await searchExact(
    context,
    placed.map(({ place }) => place),
  );
  const alike = await addAlike(context, tenant, placed, exact);
  return Promise.all(placed.map((one, index) => answer(context, one, alike[index])));
}

/** Undefined: the epochs are not known, so nothing can be found and nothing kept. */
async function placeAll(context: Context, tenant: string, asked: readonly Asked[]): Promise<Placed[] | undefined> {
  try {
    const scopes = [TENANT_SCOPE, ...asked.map(({ agent }) => agentScope(agent))];
    const [tenantEpoch = 0, ...agentEpochs] = await context.epochs.current(tenant, scopes, Date.now());
    return asked.map((one, index) => {
      const epoch = partitionEpoch([tenantEpoch, agentEpochs[index] ?? 0]);
      return { ...one, epoch, place: placeOf(tenant, epoch, one.hash) };
    });
  } catch (error) {
    context.measured.degraded("lookup");
    context.log.debug({ reason: describeError(error) }, "lookup degraded to a miss");
    return undefined;
  }
}

async function addAlike(
  context: Context,
  tenant: string,
  placed: readonly Placed[],
  exact: readonly (Hit | undefined)[],
): Promise<readonly (Hit | undefined)[]> {
  const open = placed.flatMap(({ place, alike }, index) => (alike && !exact[index] ? [{ index, place, alike }] : []));
  if (open.length === 0) return exact;
  const { hits, vetoed } = await searchAlike(context, open);
  if (vetoed > 0) context.counts.add(tenant, { vetoed });
  const found = new Map(open.map(({ index }, at) => [index, hits[at]]));
  return exact.map((hit, index) => hit ?? found.get(index));
}

async function answer(context: Context, asked: Placed, found: Hit | undefined): Promise<Reply> {
  const { tenant } = asked.place;
  const { epoch } = asked;
  if (found) return hit(context, tenant, found);
  if (!asked.isSingleFlight) return miss(context, tenant, { epoch });
  const joined = await joinFlight(context, asked.place);
  if (joined.is === "hit") return hit(context, tenant, joined.hit);
  // Whoever waits is counted by how the waiting ends.
  if (joined.is === "wait") return { hit: false, epoch, wait: true };
  return miss(context, tenant, missOf(context, epoch, joined));
}

export type Search = { readonly is: "hit"; readonly hit: Hit } | Joined;

/** A miss with the lease of who is to make the answer; without one the caller goes on by itself. */
export function missOf({ flights }: Context, epoch: string, joined: Joined): Reply {
  return joined.is === "lead" ? { epoch, lease: joined.lease, leaseMs: flights.leaseMs } : { epoch };
}

/** Who leads looks again: the answer may have been stored between the search and the lease. */
export async function joinFlight(context: Context, place: Place): Promise<Search> {
  const flight = flightOf(place);
  const joined = await context.flights.join(flight);
  context.measured.joined(joined.is);
  if (joined.is !== "lead") return joined;
  const [hit] = await searchExact(context, [place], true);
  if (!hit) return joined;
  await context.flights.end(flight, joined.lease);
  return { is: "hit", hit };
}

const COUNT_OF_TIER = { l1: "l1Hits", l2: "l2Hits", semantic: "semanticHits" } as const satisfies Record<
  Hit["tier"],
  keyof Counts
>;

export function hit(context: Context, tenant: string, found: Hit, counted: Partial<Counts> = {}): Reply {
  const { entry, tier, similarity = 0 } = found;
  context.measured.looked(tier);
  context.counts.add(tenant, { [COUNT_OF_TIER[tier]]: 1, savedNanoUsd: entry.costNanoUsd, ...counted });
  return {
    hit: true,
    tier,
    similarity,
    value: entry.value,
    ageS: Math.max(0, Math.floor((Date.now() - entry.storedAtMs) / 1000)),
    costNanoUsd: entry.costNanoUsd,
  };
}

export function miss(context: Context, tenant: string, reply: Reply): Reply {
  context.measured.looked("none");
  context.counts.add(tenant, { misses: 1 });
  return { hit: false, ...reply };
}
