import type { cacheContract } from "@agentmesh/proto/cache.contract";
import type { Handlers } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { awaitAnswer } from "./await-answer.ts";
import { getCacheStats } from "./get-cache-stats.ts";
import { invalidateCache } from "./invalidate-cache.ts";
import { lookup } from "./lookup.ts";
import { lookupMany } from "./lookup-many.ts";
import { releaseLease } from "./release-lease.ts";
import { renewLease } from "./renew-lease.ts";
import { store } from "./store.ts";
import { storeMany } from "./store-many.ts";

export function handlers(context: Context): Handlers<typeof cacheContract> {
  return {
    lookup: (request, call) => lookup(context, request, call),
    lookupMany: (request, call) => lookupMany(context, request, call),
    awaitAnswer: (request, call) => awaitAnswer(context, request, call),
    store: (request, call) => store(context, request, call),
    storeMany: (request, call) => storeMany(context, request, call),
    renewLease: (request, call) => renewLease(context, request, call),
    releaseLease: (request, call) => releaseLease(context, request, call),
    invalidateCache: (request, call) => invalidateCache(context, request, call),
    getCacheStats: (request, call) => getCacheStats(context, request, call),
  };
}
