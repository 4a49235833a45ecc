import type { ChatCompletion, ChatCompletionChunk } from "openai/resources/chat/completions";
import type { Dispatcher } from "undici";
import type { ModelReply, ModelRequest } from "../domain/model.ts";
import { createAssembler, fromWire } from "./openai-wire.ts";
import type { CompleteOptions } from "./provider.ts";
import { errorOfBody, malformed } from "./provider-errors.ts";
import { readSse } from "./read-sse.ts";

const MAX_REPLY_BYTES = 8 * 1024 * 1024;
const MAX_STREAM_BYTES = 64 * 1024 * 1024;
const DONE = "[DONE]";
const AFTER_DONE_MS = 1_000;
const AFTER_DONE_CHUNKS = 16;

/**
 * A reply with status 200, by what it says it is and not by what was asked for: some endpoints stream unasked, some
 * do not stream, some answer an error or a proxy's page.
 */
export async function readReply(
  name: string,
  response: Dispatcher.ResponseData,
  request: ModelRequest,
  { onText, onBegun }: CompleteOptions,
): Promise<ModelReply> {
  const type = response.headers["content-type"]?.toString().toLowerCase() ?? "";
  if (type.includes("event-stream") || (onText && !type.includes("json") && !type.includes("html"))) {
    return await readStream(name, response, request, onText, onBegun);
  }
  const text = await readText(name, response.body);
  if (type.includes("html")) throw malformed(name, `a page of type ${type} in place of JSON`);
  const completion = parse<Partial<ChatCompletion> & { error?: unknown }>(name, text);
  if (completion.error) throw errorOfBody(name, completion.error);
  const reply = fromWire(completion, request);
  if (!reply) throw malformed(name, "JSON that is not a completion");
  if (onText && reply.text) {
    onBegun?.();
    onText(reply.text);
  }
  return reply;
}

async function readStream(
  name: string,
  response: Dispatcher.ResponseData,
  request: ModelRequest,
  onText: CompleteOptions["onText"],
  onBegun: CompleteOptions["onBegun"],
): Promise<ModelReply> {
  const assembler = createAssembler(request, onText ?? (() => undefined));
  const chunks = response.body[Symbol.asyncIterator]();
  let begun = false;
  for await (const data of readSse(bounded(name, chunks))) {
    if (data === DONE) break;
    const chunk = parse<Partial<ChatCompletionChunk> & { error?: unknown }>(name, data);
    if (chunk.error) throw errorOfBody(name, chunk.error);
    if (!assembler.add(chunk)) throw malformed(name, "a chunk that is not one of a completion");
    if (assembler.hasBegun && !begun) {
      begun = true;
      onBegun?.();
    }
  }
  const reply = assembler.reply();
  if (!reply) throw malformed(name, "a stream that broke off");
  void finish(response.body, chunks);
  return reply;
}

/** Hands chunks on without ending the iterator when its reader leaves: what follows the answer is read by `finish`. */
async function* bounded(name: string, chunks: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  let bytes = 0;
  for (let next = await chunks.next(); !next.done; next = await chunks.next()) {
    bytes += next.value.length;
    if (bytes > MAX_STREAM_BYTES) throw malformed(name, `a stream of more than ${MAX_STREAM_BYTES} bytes`);
    yield next.value;
  }
}

/** Reads a stream's end, so that its connection is kept; one that does not end soon is closed. */
async function finish(body: Dispatcher.ResponseData["body"], chunks: AsyncIterator<Buffer>): Promise<void> {
  const timer = setTimeout(() => body.destroy(), AFTER_DONE_MS).unref();
  try {
    for (let left = AFTER_DONE_CHUNKS; left > 0; left--) if ((await chunks.next()).done) return;
  } catch {
    // Whatever comes after the answer does not change it.
  } finally {
    clearTimeout(timer);
    body.destroy();
  }
}

export async function readText(name: string, body: AsyncIterable<Buffer>): Promise<string> {
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
