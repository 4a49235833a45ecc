import { AppError, describeError, isAppError } from "@agentmesh/errors";
import { createBreaker } from "@agentmesh/resilience";
import { type Dispatcher, Pool } from "undici";
import { z } from "zod";
import { toUnitLength } from "../domain/questions/embed-words.ts";

/** One that others run. `tokens`: what it says it billed; undefined: it does not say. */
export type RemoteEmbedder = AsyncDisposable & {
  readonly name: string;
  readonly dimensions: number;
  /** One vector of unit length a text, in their order. @throws AppError UNAVAILABLE or DEADLINE_EXCEEDED */
  embed(texts: readonly string[]): Promise<{ vectors: Float32Array[]; tokens: number | undefined }>;
};

export type OpenAiEmbedderOptions = {
  /** Up to the version, for instance `https://api.openai.com/v1`. */
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly model: string;
  readonly dimensions: number;
  /** A lookup waits no longer than this. */
  readonly timeoutMs: number;
};

const MAX_CONNECTIONS = 32;
const MAX_REPLY_BYTES = 16 * 1024 * 1024;
const FAILURES_TO_OPEN = 5;
const OPEN_MS = 5_000;

const embeddings = z.object({
  data: z.array(z.object({ index: z.int().min(0), embedding: z.array(z.number()) })),
  usage: z
    .object({ prompt_tokens: z.int().min(0) })
    .optional()
    .catch(undefined),
});

/** Any endpoint that speaks OpenAI's `POST /embeddings`. */
export function openAiEmbedder(options: OpenAiEmbedderOptions): RemoteEmbedder {
  const { model, dimensions, timeoutMs } = options;
  const base = new URL(options.baseUrl);
  const pool = new Pool(base.origin, { connections: MAX_CONNECTIONS, connect: { timeout: timeoutMs } });
  const breaker = createBreaker({ name: `embedder ${model}`, failures: FAILURES_TO_OPEN, openMs: OPEN_MS });

  async function ask(texts: readonly string[]) {
    const response = await pool.request({
      method: "POST",
      path: `${base.pathname.replace(/\/$/, "")}/embeddings`,
      headers: {
        "content-type": "application/json",
        ...(options.apiKey && { authorization: `Bearer ${options.apiKey}` }),
      },
      body: JSON.stringify({ model, input: texts, dimensions, encoding_format: "float" }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    const body = await readBounded(response.body);
    if (response.statusCode !== 200) throw new Error(`it answered ${response.statusCode}: ${body.slice(0, 200)}`);
    const reply = embeddings.parse(JSON.parse(body));
    return { vectors: readVectors(reply, texts.length, dimensions), tokens: reply.usage?.prompt_tokens };
  }

  return {
    name: `openai-compatible/${model}`,
    dimensions,
    async embed(texts) {
      try {
        return await breaker.run(() => ask(texts));
      } catch (cause) {
        if (isAppError(cause)) throw cause;
        const isLate = cause instanceof Error && cause.name === "TimeoutError";
        throw new AppError(
          isLate ? "DEADLINE_EXCEEDED" : "UNAVAILABLE",
          `the embedder ${model} did not answer as it should: ${describeError(cause)}`,
          {
            reason: "EMBEDDER_UNAVAILABLE",
            cause,
          },
        );
      }
    },
    [Symbol.asyncDispose]: () => pool.destroy(),
  };
}

async function readBounded(body: Dispatcher.ResponseData["body"]): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    const piece = Buffer.from(chunk);
    bytes += piece.length;
    if (bytes > MAX_REPLY_BYTES) throw new Error(`it answered more than ${MAX_REPLY_BYTES} bytes`);
    chunks.push(piece);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function readVectors({ data }: z.infer<typeof embeddings>, count: number, dimensions: number): Float32Array[] {
  const vectors: Float32Array[] = [];
  for (const { index, embedding } of data) {
    if (embedding.length !== dimensions || !embedding.every(Number.isFinite)) {
      throw new Error(`a vector of ${embedding.length} numbers where ${dimensions} were asked for`);
    }
    vectors[index] = toUnitLength(Float32Array.from(embedding));
  }
  if (Object.keys(vectors).length !== count) throw new Error(`${vectors.length} vectors for ${count} texts`);
  return vectors;
}
