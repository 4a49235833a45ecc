import { describeError } from "@agentmesh/errors";
import type { Context } from "../context.ts";
import type { Entry } from "../domain/entry.ts";
import { tagScope } from "../domain/scope.ts";
import type { Place } from "./read-lookup.ts";

export type Hit = {
  readonly entry: Entry;
  readonly tier: "l1" | "l2" | "semantic";
  /** Of the semantic tier. */
  readonly similarity?: number;
};

/**
 * Each place in L1, then what is left in L2 in one pass; a hit there is kept in L1. While Redis is away L1 is all.
 *
 * @param isFresh L2 is asked anew also where another lookup is asking it
 */
export async function searchExact(
  context: Context,
  places: readonly Place[],
  isFresh = false,
): Promise<(Hit | undefined)[]> {
  const near = await Promise.all(places.map((place) => searchL1(context, place)));
  const missing = places.filter((_, index) => near[index] === undefined);
  if (missing.length === 0) return near;
  const far = await searchL2(context, missing, isFresh);
  return near.map((hit, index) => hit ?? far.get(places[index]));
}

async function searchL1(context: Context, { tenant, partition, hash }: Place): Promise<Hit | undefined> {
  const entry = context.l1.get(partition, hash);
  return entry && (await isCurrent(context, tenant, entry)) ? { entry, tier: "l1" } : undefined;
}

async function searchL2(
  context: Context,
  places: readonly Place[],
  isFresh: boolean,
): Promise<Map<Place | undefined, Hit>> {
  const hits = new Map<Place | undefined, Hit>();
  try {
    const entries = await context.l2.get(places, isFresh);
    for (const [index, place] of places.entries()) {
      const entry = entries[index];
      if (!entry || !(await isCurrent(context, place.tenant, entry))) continue;
      context.l1.set(place.partition, place.hash, place.tenant, entry, Date.now());
      hits.set(place, { entry, tier: "l2" });
    }
  } catch (error) {
    context.measured.degraded("lookup");
    context.log.debug({ reason: describeError(error) }, "lookup goes without Redis");
  }
  return hits;
}

/** An entry whose tags cannot be checked is not served. */
async function isCurrent({ epochs, measured }: Context, tenant: string, entry: Entry): Promise<boolean> {
  const nowMs = Date.now();
  if (entry.expiresAtMs <= nowMs) return false;
  const tags = Object.keys(entry.tags);
  if (tags.length === 0) return true;
  try {
    const current = await epochs.current(tenant, tags.map(tagScope), nowMs);
    return tags.every((tag, index) => entry.tags[tag] === current[index]);
  } catch {
    measured.degraded("lookup");
    return false;
  }
}
