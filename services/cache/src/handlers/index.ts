import type { cacheContract } from "@agentmesh/proto/cache.contract";
import type { Handlers } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { getCacheStats } from "./get-cache-stats.ts";
import { invalidateCache } from "./invalidate-cache.ts";
import { lookup } from "./lookup.ts";
import { store } from "./store.ts";

export function handlers(context: Context): Handlers<typeof cacheContract> {
  return {
    lookup: (request, call) => lookup(context, request, call),
    store: (request, call) => store(context, request, call),
    invalidateCache: (request, call) => invalidateCache(context, request, call),
    getCacheStats: (request, call) => getCacheStats(context, request, call),
  };
}
