import { AppError, describeError } from "@agentmesh/errors";
import type { StoreReply, StoreRequest } from "@agentmesh/proto/cache";
import { type Call, type DeepPartial, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { hashKey } from "../domain/cache-key.ts";
import type { Entry } from "../domain/entry.ts";
import { isPartitionEpoch, partition } from "../domain/partition.ts";
import { tagScope } from "../domain/scope.ts";
import { ttlMs } from "../domain/ttl.ts";

const MAX_TAGS = 16;

/** `stored: false` where it was kept nowhere: too large, or the lookup before it could not tell the epoch. */
export async function store(context: Context, request: StoreRequest, call: Call): Promise<DeepPartial<StoreReply>> {
  const { tenant } = requirePrincipal(call);
  const hash = hashKey(tenant, request.key);
  if (request.tags.length > MAX_TAGS) {
    throw new AppError("INVALID_ARGUMENT", `${request.tags.length} tags; at most ${MAX_TAGS} are kept with an answer`, {
      reason: "TOO_MANY_TAGS",
      field: "tags",
    });
  }
  const { config, counts, measured } = context;
  if (request.value.length > config.l2.maxValueBytes) {
    measured.stored("too_large");
    return { stored: false };
  }
  if (!isPartitionEpoch(request.epoch)) {
    measured.stored("no_epoch");
    return { stored: false };
  }
  try {
    const isFar = await keep(context, tenant, request, hash);
    measured.stored(isFar ? "stored" : "l1_only");
    counts.add(tenant, { stores: 1 });
    return { stored: true };
  } catch (error) {
    measured.degraded("store");
    context.log.debug({ reason: describeError(error) }, "answer not stored");
    return { stored: false };
  }
}

async function keep(context: Context, tenant: string, request: StoreRequest, hash: string): Promise<boolean> {
  const { config, epochs, l1, l2 } = context;
  const nowMs = Date.now();
  const tagEpochs = request.tags.length > 0 ? await epochs.current(tenant, request.tags.map(tagScope), nowMs) : [];
  const place = partition(tenant, request.epoch);
  const entry: Entry = {
    value: request.value,
    costNanoUsd: request.costNanoUsd,
    storedAtMs: nowMs,
    expiresAtMs: nowMs + ttlMs(request.ttlS, config.l2, Math.random()),
    tags: Object.fromEntries(request.tags.map((tag, index) => [tag, tagEpochs[index] ?? 0])),
  };
  l1.set(place, hash, tenant, entry, nowMs);
  try {
    await l2.set(place, hash, entry, nowMs);
    return true;
  } catch (error) {
    context.measured.degraded("store");
    context.log.debug({ reason: describeError(error) }, "answer kept in process only");
    return false;
  }
}
