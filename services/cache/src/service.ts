import { cacheContract } from "@agentmesh/proto/cache.contract";
import { implement, serve } from "@agentmesh/rpc";
import { openFoundation, type Running } from "@agentmesh/service";
import type { CacheConfig } from "./config.ts";
import type { Context } from "./context.ts";
import { onCacheInvalidated } from "./events/invalidation.ts";
import { handlers } from "./handlers/index.ts";
import { cacheMetrics } from "./metrics.ts";
import { createCounts } from "./store/counts.ts";
import { createEpochs } from "./store/epochs.ts";
import { createL1 } from "./store/l1.ts";
import { createL2 } from "./store/l2.ts";
import { openRedis } from "./store/redis.ts";

export async function startCache(config: CacheConfig, overrides: Partial<Context> = {}): Promise<Running> {
  await using stack = new AsyncDisposableStack();
  const base = stack.use(await openFoundation(config, "cache"));
  const redis = stack.use(await openRedis({ ...config.redis, log: base.log }));
  const counts = stack.use(createCounts(redis, base.log));
  const context: Context = {
    config,
    log: base.log,
    bus: base.bus,
    measured: cacheMetrics(base.metrics),
    epochs: createEpochs(redis, () => base.bus.connected),
    l1: createL1({ ...config.l1, onEvict: (tenant) => counts.add(tenant, { evictions: 1 }) }),
    l2: createL2(redis, config.l2),
    counts,
    ...overrides,
  };
  stack.use(onCacheInvalidated(context));
  const server = stack.use(
    await serve({
      host: config.listen.host,
      port: config.listen.grpcPort,
      implementations: [implement(cacheContract, handlers(context))],
      trust: { workload: base.workload, tokens: base.tokens },
      log: base.log,
      metrics: base.metrics,
    }),
  );
  base.admin.setReady(true);
  stack.defer(() => base.admin.setReady(false));
  const opened = stack.move();
  return { port: server.port, adminPort: base.admin.port, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}
