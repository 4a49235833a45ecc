import type { ChatCompletion, ChatCompletionChunk } from "openai/resources/chat/completions";
import { type Dispatcher, Pool } from "undici";
import type { ModelReply, ModelRequest } from "../domain/model.ts";
import { createAssembler, fromWire, toWire } from "./openai-wire.ts";
import type { Preset } from "./presets.ts";
import type { CompleteOptions, Provider } from "./provider.ts";
import { errorOfCall, errorOfStatus, malformed } from "./provider-errors.ts";
import { readSse } from "./read-sse.ts";

const MAX_CONNECTIONS = 128;
const CONNECT_TIMEOUT_MS = 5_000;
const MAX_REPLY_BYTES = 8 * 1024 * 1024;
const DONE = "[DONE]";

/**
 * A client of any endpoint that speaks chat.completions, over a pool of kept connections. The `openai` package gives
 * the types and nothing else: its client costs twelve times the CPU of this one.
 */
export function openAiCompatible(preset: Preset, settings: { apiKey: string; baseUrl: string }): Provider {
  const base = new URL(settings.baseUrl || preset.baseUrl);
  const path = `${base.pathname.replace(/\/$/, "")}/chat/completions`;
  const pool = new Pool(base.origin, {
    connections: MAX_CONNECTIONS,
    connect: { timeout: CONNECT_TIMEOUT_MS },
    // The bound on a call is its signal; these would cut a slow model off.
    headersTimeout: 0,
    bodyTimeout: 0,
  });

  async function send(body: string, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const response = await pool.request({
      method: "POST",
      path,
      body,
      signal,
      headers: {
        "content-type": "application/json",
        ...(settings.apiKey && { authorization: `Bearer ${settings.apiKey}` }),
      },
    });
    if (response.statusCode === 200) return response;
    const text = await readText(preset.name, response.body);
    const header = (name: string) => response.headers[name]?.toString();
    throw errorOfStatus(preset.name, response.statusCode, text, header, Date.now());
  }

  return {
    name: preset.name,
    async complete(model, request, options) {
      const signal = AbortSignal.any([options.signal, AbortSignal.timeout(options.timeoutMs)]);
      const body = JSON.stringify(toWire(preset, model, request, options.onText !== undefined));
      try {
        const response = await send(body, signal);
        return options.onText
          ? await readStream(preset.name, response, request, options.onText)
          : await readWhole(preset.name, response, request);
      } catch (error) {
        throw errorOfCall(preset.name, error, options.signal, options.timeoutMs);
      }
    },
    [Symbol.asyncDispose]: () => pool.destroy(),
  };
}

async function readWhole(name: string, response: Dispatcher.ResponseData, request: ModelRequest): Promise<ModelReply> {
  const text = await readText(name, response.body);
  const reply = fromWire(parse<Partial<ChatCompletion>>(name, text), request);
  if (!reply) throw malformed(name, "JSON that is not a completion");
  return reply;
}

async function readStream(
  name: string,
  response: Dispatcher.ResponseData,
  request: ModelRequest,
  onText: NonNullable<CompleteOptions["onText"]>,
): Promise<ModelReply> {
  const assembler = createAssembler(request, onText);
  for await (const data of readSse(response.body)) {
    if (data === DONE) break;
    const chunk = parse<Partial<ChatCompletionChunk> & { error?: { message?: string } }>(name, data);
    if (chunk.error) throw malformed(name, `an error inside its stream: ${chunk.error.message ?? "no message"}`);
    assembler.add(chunk);
  }
  const reply = assembler.reply();
  if (!reply) throw malformed(name, "a stream that broke off");
  return reply;
}

async function readText(name: string, body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > MAX_REPLY_BYTES) throw malformed(name, `more than ${MAX_REPLY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parse<T extends object>(name: string, text: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw malformed(name, `what is not JSON: ${JSON.stringify(text.slice(0, 120))}`, cause);
  }
  if (value === null || typeof value !== "object") throw malformed(name, "JSON that is not an object");
  return value as T;
}
