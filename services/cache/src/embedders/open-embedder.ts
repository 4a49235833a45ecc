import { LRUCache } from "lru-cache";
import type { CacheConfig } from "../config.ts";
import type { Embedder } from "./embedder.ts";
import { lexicalEmbedder } from "./lexical.ts";

// A question that missed is embedded when it is looked up and needed again when its answer is stored.
const REMEMBERED = 2_000;

export async function openEmbedder(settings: CacheConfig["semantic"]["embedder"]): Promise<Embedder> {
  const { baseUrl } = settings;
  if (!baseUrl) return remembering(lexicalEmbedder());
  // undici comes with it, which is 11 MB of memory.
  const { openAiEmbedder } = await import("./openai-compatible.ts");
  return remembering(openAiEmbedder({ ...settings, baseUrl }));
}

function remembering(embedder: Embedder): Embedder {
  const known = new LRUCache<string, Float32Array>({ max: REMEMBERED });
  return {
    ...embedder,
    async embed(texts) {
      const missing = [...new Set(texts.filter((text) => !known.has(text)))];
      const made = missing.length > 0 ? await embedder.embed(missing) : [];
      const found = new Map(missing.map((text, index) => [text, made[index]]));
      for (const [text, vector] of found) if (vector) known.set(text, vector);
      return texts.map((text) => found.get(text) ?? known.get(text) ?? new Float32Array(embedder.dimensions));
    },
  };
}
