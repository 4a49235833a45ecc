import { AppError, describeError } from "@agentmesh/errors";
import type { StoreRequest } from "@agentmesh/proto/cache";
import type { Context } from "../context.ts";
import { hashKey } from "../domain/cache-key.ts";
import type { Entry } from "../domain/entry.ts";
import { isPartitionEpoch } from "../domain/partition.ts";
import type { Payer } from "../domain/payer.ts";
import { tagScope } from "../domain/scope.ts";
import { ttlMs } from "../domain/ttl.ts";
import { learnAlike } from "./learn-alike.ts";
import { type Alike, flightOf, type Place, placeOf, readAlike } from "./read-lookup.ts";

const MAX_TAGS = 16;

type Kept = {
  readonly place: Place;
  readonly entry: Entry;
  readonly alike: Alike | undefined;
};

/**
 * Keeps answers in one pass, and wakes those who wait for them. False where one was kept nowhere: too large, or the
 * lookup before it could not tell the epoch.
 *
 * @throws AppError INVALID_ARGUMENT where a key is not complete or has too many tags
 */
export async function keepAnswers(context: Context, payer: Payer, stores: readonly StoreRequest[]): Promise<boolean[]> {
  const { tenant } = payer;
  const hashes = stores.map((store) => hashKey(tenant, store.key));
  for (const { tags } of stores) if (tags.length > MAX_TAGS) throw tooManyTags(tags.length);
  const kept = await makeEntries(context, payer, stores, hashes);
  await write(
    context,
    tenant,
    kept.filter((one) => one !== undefined),
  );
  await Promise.all(stores.map((store, index) => endFlight(context, tenant, store, hashes[index] ?? "")));
  await learnAll(context, kept);
  return kept.map((one) => one !== undefined);
}

async function makeEntries(
  context: Context,
  payer: Payer,
  stores: readonly StoreRequest[],
  hashes: readonly string[],
): Promise<(Kept | undefined)[]> {
  const { config, epochs, measured } = context;
  const { tenant } = payer;
  const nowMs = Date.now();
  const all = [...new Set(stores.flatMap(({ tags }) => tags))];
  const current = all.length > 0 ? await epochs.current(tenant, all.map(tagScope), nowMs).catch(() => undefined) : [];
  const epochOf = new Map(all.map((tag, index) => [tag, current?.[index] ?? 0]));
  return stores.map((store, index) => {
    const refusal = refusalOf(context, store, current !== undefined);
    if (refusal) {
      measured.stored(refusal);
      return undefined;
    }
    const entry: Entry = {
      value: store.value,
      costNanoUsd: store.costNanoUsd,
      storedAtMs: nowMs,
      expiresAtMs: nowMs + ttlMs(store.ttlS, config.l2, context.random()),
      tags: Object.fromEntries(store.tags.map((tag) => [tag, epochOf.get(tag) ?? 0])),
    };
    const place = placeOf(tenant, store.epoch, hashes[index] ?? "");
    return { place, entry, alike: readAlike(config, payer, store.key, store.semantic) };
  });
}

function refusalOf({ config }: Context, { value, epoch, tags }: StoreRequest, knowsTags: boolean) {
  if (value.length > config.l2.maxValueBytes) return "too_large";
  return isPartitionEpoch(epoch) && (knowsTags || tags.length === 0) ? undefined : "no_epoch";
}

async function write(context: Context, tenant: string, kept: readonly Kept[]): Promise<void> {
  const { counts, l1, l2, measured } = context;
  if (kept.length === 0) return;
  const nowMs = Date.now();
  for (const { place, entry } of kept) l1.set(place.partition, place.hash, tenant, entry, nowMs);
  const spentNanoUsd = kept.reduce((sum, { entry }) => sum + entry.costNanoUsd, 0n);
  counts.add(tenant, { stores: kept.length, spentNanoUsd });
  try {
    await l2.set(kept, nowMs);
    for (const _ of kept) measured.stored("stored");
  } catch (error) {
    measured.degraded("store");
    for (const _ of kept) measured.stored("l1_only");
    context.log.debug({ reason: describeError(error) }, "answers kept in process only");
  }
}

// Each is a search and three commands of Redis.
const LEARNT_AT_ONCE = 8;

async function learnAll(context: Context, kept: readonly (Kept | undefined)[]): Promise<void> {
  for (let at = 0; at < kept.length; at += LEARNT_AT_ONCE) {
    const some = kept.slice(at, at + LEARNT_AT_ONCE);
    await Promise.all(some.map((one) => one?.alike && learnAlike(context, one.place, one.alike, one.entry)));
  }
}

/** Also of an answer that was not kept: nobody must wait for it. */
async function endFlight(
  context: Context,
  tenant: string,
  { lease, epoch }: StoreRequest,
  hash: string,
): Promise<void> {
  if (lease !== "") await context.flights.end(flightOf(placeOf(tenant, epoch, hash)), lease);
}

function tooManyTags(count: number): AppError {
  return new AppError("INVALID_ARGUMENT", `${count} tags; at most ${MAX_TAGS} are kept with an answer`, {
    reason: "TOO_MANY_TAGS",
    field: "tags",
  });
}
