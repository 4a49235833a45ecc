import type { costContract } from "@agentmesh/proto/cost.contract";
import type { Client } from "@agentmesh/rpc";
import type { Logger } from "@agentmesh/telemetry";
import { LRUCache } from "lru-cache";
import type { CacheConfig } from "../config.ts";
import { chargedEmbedder } from "./charged.ts";
import type { Embedder } from "./embedder.ts";
import { lexicalEmbedder } from "./lexical.ts";
import type { RemoteEmbedder } from "./openai-compatible.ts";

// A question that missed is embedded when it is looked up and needed again when its answer is stored.
const REMEMBERED = 2_000;

export async function openEmbedder(
  settings: CacheConfig["semantic"]["embedder"],
  ports: { cost: Client<typeof costContract> | undefined; log: Logger },
): Promise<Embedder> {
  const { baseUrl, provider, model } = settings;
  if (!baseUrl) return remembering(lexicalEmbedder());
  // undici comes with it, which is 11 MB of memory.
  const { openAiEmbedder } = await import("./openai-compatible.ts");
  const remote = openAiEmbedder({ ...settings, baseUrl });
  const { cost, log } = ports;
  return remembering(cost ? chargedEmbedder(remote, { cost, provider, model, log }) : unchargedEmbedder(remote));
}

/** One that costs nobody anything. */
function unchargedEmbedder(embedder: RemoteEmbedder): Embedder {
  return { ...embedder, embed: async (texts) => (await embedder.embed(texts)).vectors };
}

function remembering(embedder: Embedder): Embedder {
  const known = new LRUCache<string, Float32Array>({ max: REMEMBERED });
  return {
    ...embedder,
    async embed(texts, payer) {
      const missing = [...new Set(texts.filter((text) => !known.has(text)))];
      const made = missing.length > 0 ? await embedder.embed(missing, payer) : [];
      const found = new Map(missing.map((text, index) => [text, made[index]]));
      for (const [text, vector] of found) if (vector) known.set(text, vector);
      return texts.map((text) => found.get(text) ?? known.get(text) ?? new Float32Array(embedder.dimensions));
    },
  };
}
