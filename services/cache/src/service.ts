import { AppError } from "@agentmesh/errors";
import { cacheContract } from "@agentmesh/proto/cache.contract";
import { costContract } from "@agentmesh/proto/cost.contract";
import { createClient, implement, serve } from "@agentmesh/rpc";
import { type Foundation, openFoundation, type Running } from "@agentmesh/service";
import { type CacheConfig, type CacheSettings, configSchema } from "./config.ts";
import type { Context } from "./context.ts";
import { onFlightEnded, publishFlightEnded } from "./events/flight-ended.ts";
import { onCacheInvalidated } from "./events/invalidation.ts";
import { createFlights } from "./flights/flights.ts";
import { handlers } from "./handlers/index.ts";
import { cacheMetrics } from "./metrics.ts";
import { openSemanticTier } from "./semantic/open-semantic-tier.ts";
import { createCounts } from "./store/counts.ts";
import { createEpochs } from "./store/epochs.ts";
import { createL1 } from "./store/l1.ts";
import { createL2 } from "./store/l2.ts";
import { openRedis } from "./store/redis.ts";

export async function startCache(settings: CacheSettings, overrides: Partial<Context> = {}): Promise<Running> {
  const config = configSchema.parse(settings);
  await using stack = new AsyncDisposableStack();
  const base = stack.use(await openFoundation(config, "cache"));
  const { log } = base;
  const { nc } = base.bus;
  const redis = stack.use(await openRedis({ ...config.redis, log }));
  const counts = stack.use(createCounts(redis, log));
  const onEvict = (tenant: string, evictions = 1) => counts.add(tenant, { evictions });
  const cost = isCharged(config) ? stack.use(openCost(config, base)) : undefined;
  const context: Context = {
    config,
    log,
    bus: base.bus,
    measured: cacheMetrics(base.metrics),
    epochs: createEpochs(redis, () => base.bus.connected),
    l1: createL1({ ...config.l1, onEvict }),
    l2: createL2(redis, config.l2),
    semantic: stack.use(await openSemanticTier({ config, redis, cost, onEvict, logger: log })),
    flights: createFlights({
      redis,
      leaseMs: config.flights.leaseMs,
      publishEnd: (flight) => publishFlightEnded(nc, log, flight),
      log,
    }),
    counts,
    random: Math.random,
    ...overrides,
  };
  stack.use(onCacheInvalidated(context));
  stack.use(onFlightEnded(nc, log, context.flights.heardEnd));
  const server = stack.use(
    await serve({
      host: config.listen.host,
      port: config.listen.grpcPort,
      implementations: [implement(cacheContract, handlers(context))],
      trust: { workload: base.workload, tokens: base.tokens },
      log,
      metrics: base.metrics,
    }),
  );
  base.admin.setReady(true);
  stack.defer(() => base.admin.setReady(false));
  const opened = stack.move();
  return { port: server.port, adminPort: base.admin.port, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

function isCharged({ semantic: { embedder } }: CacheConfig): boolean {
  return embedder.baseUrl !== "" && embedder.charged;
}

/** @throws AppError FAILED_PRECONDITION (NO_COST_ADDRESS): what costs money is not called without the ledger */
function openCost({ peers, semantic }: CacheConfig, { workload }: Foundation) {
  if (peers.cost !== "") return createClient(costContract, { address: peers.cost, workload });
  const message = `semantic.embedder.baseUrl is ${semantic.embedder.baseUrl}, whose calls cost money, and peers.cost is empty; set COST_ADDRESS, or semantic.embedder.charged to false for an embedder of your own`;
  throw new AppError("FAILED_PRECONDITION", message, { reason: "NO_COST_ADDRESS", field: "peers.cost" });
}
