import { embedWords, LEXICAL_DIMENSIONS, LEXICAL_EMBEDDER } from "../domain/questions/embed-words.ts";
import type { Embedder } from "./embedder.ts";

/** Without a network and always the same: finds questions in like words, not in like meaning, and says so by its name. */
export function lexicalEmbedder(): Embedder {
  return {
    name: LEXICAL_EMBEDDER,
    dimensions: LEXICAL_DIMENSIONS,
    embed: async (texts) => texts.map(embedWords),
    [Symbol.asyncDispose]: async () => undefined,
  };
}
