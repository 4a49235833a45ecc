import type { ServerResponse } from "node:http";
import type { Body } from "../pipeline/body.ts";
import type { RoutedMethod } from "../routes.ts";

// Proxies close what is silent for a minute.
const HEARTBEAT_MS = 15_000;

/**
 * Writes a stream as Server-Sent Events: `id` is the frame's seq, `event` its type. A slow reader holds the upstream
 * up and not the memory.
 */
export async function writeEvents(
  response: ServerResponse,
  method: RoutedMethod,
  frames: AsyncIterable<Body>,
  signal: AbortSignal,
): Promise<void> {
  await writeFrames(response, textsOf(method, frames), signal);
}

async function* textsOf(method: RoutedMethod, frames: AsyncIterable<Body>): AsyncGenerator<string> {
  for await (const { message } of frames) yield eventText(method, message);
}

/** Writes frames as they are, with a comment now and then while there are none. */
export async function writeFrames(
  response: ServerResponse,
  frames: AsyncIterable<string>,
  signal: AbortSignal,
): Promise<void> {
  const heartbeat = setInterval(() => response.write(": still here\n\n"), HEARTBEAT_MS);
  try {
    for await (const text of frames) {
      signal.throwIfAborted();
      if (!response.write(text)) await drained(response, signal);
    }
  } finally {
    clearInterval(heartbeat);
  }
}

export function errorEvent(body: object): string {
  return `event: error\ndata: ${JSON.stringify(body)}\n\n`;
}

function eventText(method: RoutedMethod, message: unknown): string {
  const seq = property(message, "seq");
  const id = typeof seq === "number" && seq > 0 ? `id: ${seq}\n` : "";
  return `${id}event: ${typeOf(message)}\ndata: ${JSON.stringify(method.response.toJSON(message))}\n\n`;
}

/** The frame's `type`, or which member of its oneof `event` is set. */
function typeOf(message: unknown): string {
  const type = property(message, "type") ?? property(property(message, "event"), "$case");
  return typeof type === "string" && /^[\w.-]+$/.test(type) ? type : "message";
}

function property(value: unknown, name: string): unknown {
  return value !== null && typeof value === "object" ? Reflect.get(value, name) : undefined;
}

async function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const over = () => resolve();
  response.once("drain", over);
  response.once("close", over);
  signal.addEventListener("abort", over);
  await promise;
  response.off("drain", over);
  response.off("close", over);
  // A long stream waits thousands of times under the one signal.
  signal.removeEventListener("abort", over);
}
