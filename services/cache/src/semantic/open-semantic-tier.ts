import type { costContract } from "@agentmesh/proto/cost.contract";
import type { Client } from "@agentmesh/rpc";
import type { Logger } from "@agentmesh/telemetry";
import type { CacheConfig } from "../config.ts";
import { openEmbedder } from "../embedders/open-embedder.ts";
import type { RedisLink } from "../store/redis.ts";
import { createVectorArena } from "../vectors/vector-arena.ts";
import { createSemanticLog } from "./semantic-log.ts";
import { createSemanticTier, type SemanticTier } from "./semantic-tier.ts";
import { createShelves } from "./shelves.ts";

/** The semantic tier with its embedder, index and log. Disposing it closes the embedder's connections. */
export async function openSemanticTier(options: {
  config: CacheConfig;
  redis: RedisLink;
  /** Undefined: embeddings cost nothing. */
  cost: Client<typeof costContract> | undefined;
  onEvict: (tenant: string, entries: number) => void;
  logger: Logger;
}): Promise<SemanticTier & AsyncDisposable> {
  const { config, logger } = options;
  const { maxEntries, maxBytes, candidates } = config.semantic;
  const embedder = await openEmbedder(config.semantic.embedder, { cost: options.cost, log: logger });
  const log = createSemanticLog(options.redis, { maxEntries, keepMs: config.l2.maxTtlS * 1000 });
  const arena = createVectorArena({ dimensions: embedder.dimensions, maxBytes });
  const shelves = createShelves({ arena, log, maxEntries, maxBytes, onEvict: options.onEvict, logger });
  const tier = createSemanticTier({ embedder, log, shelves, candidates, logger });
  return { ...tier, [Symbol.asyncDispose]: () => embedder[Symbol.asyncDispose]() };
}
