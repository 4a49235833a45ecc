import { AppError } from "@agentmesh/errors";
import type { CallOptions } from "@agentmesh/rpc";
import { bodyOfBytes, bodyOfMessage } from "./body.ts";
import type { Exchange, Stage } from "./exchange.ts";

/** To the service that owns the method: bytes in, bytes out, with the caller's internal token, deadline and cancellation. */
export const route: Stage = async (context, exchange) => {
  const { method, request } = exchange;
  const { response } = method;
  const local = context.local.get(method.path);
  if (local) return { kind: "unary", body: bodyOfMessage(response, await local(context, exchange)) };
  const upstream = context.upstreams.get(method.service);
  if (!upstream) {
    throw new AppError("UNIMPLEMENTED", `${method.path}: no address of ${method.service} is configured`, {
      reason: "NO_UPSTREAM",
    });
  }
  const options = callOptions(exchange);
  if (method.serverStreaming) {
    const frames = upstream.stream(method, request.bytes, options);
    return { kind: "stream", frames: bodies(frames, (bytes) => bodyOfBytes(response, bytes, "reply")) };
  }
  return { kind: "unary", body: bodyOfBytes(response, await upstream.unary(method, request.bytes, options), "reply") };
};

function callOptions({ caller, signal, deadlineMs, requestId, remoteAddress, idempotencyKey }: Exchange): CallOptions {
  return {
    ...(caller && { token: caller.token, principal: caller.principal }),
    signal,
    timeoutMs: Math.max(1, deadlineMs - Date.now()),
    metadata: {
      "x-request-id": requestId,
      "x-mesh-remote-address": remoteAddress,
      ...(idempotencyKey !== undefined && { "idempotency-key": idempotencyKey }),
    },
  };
}

async function* bodies<T>(frames: AsyncIterable<Uint8Array>, make: (bytes: Uint8Array) => T): AsyncIterable<T> {
  for await (const frame of frames) yield make(frame);
}
