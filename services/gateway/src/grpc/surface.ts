import { detailsOf, metadataOfError, statusOf } from "@agentmesh/rpc";
import {
  type Server as GrpcServer,
  Metadata,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
} from "@grpc/grpc-js";
import { arrivedOverGrpc } from "../callers/arrived.ts";
import { callerAddress } from "../callers/caller-address.ts";
import { clientCertificate } from "../callers/client-certificate.ts";
import type { Context } from "../context.ts";
import { failureOf, limitHeaders, type Performed, perform, publicMessage } from "../perform.ts";
import { bodyOfBytes } from "../pipeline/body.ts";
import { type RoutedMethod, routedMethods, rpcServiceOf } from "../routes.ts";

/** All methods of the catalog that outside callers may see, as bytes: this server knows no message types. */
export function registerMethods(server: GrpcServer, context: Context): void {
  for (const rpcService of new Set(routedMethods.map(rpcServiceOf))) {
    const methods = routedMethods.filter((method) => rpcServiceOf(method) === rpcService);
    const definition = Object.fromEntries(methods.map((method) => [method.name, definitionOf(method)]));
    const handlers = methods.map((method) => [
      method.name,
      method.serverStreaming ? streamHandler(context, method) : unaryHandler(context, method),
    ]);
    server.addService(definition, Object.fromEntries(handlers));
  }
}

function definitionOf(method: RoutedMethod) {
  return {
    path: method.path,
    requestStream: false,
    responseStream: method.serverStreaming,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  };
}

function identity(bytes: Buffer): Buffer {
  return bytes;
}

function unaryHandler(context: Context, method: RoutedMethod) {
  return async (call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => {
    const performed = begin(context, method, call);
    try {
      const reply = await performed.reply;
      if (reply.kind === "stream") throw new Error(`${method.path} is unary and answered with a stream`);
      const { bytes } = reply.body;
      call.sendMetadata(headersOf(performed));
      answer(null, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
      performed.end("OK");
    } catch (error) {
      answer(failure(context, performed, error));
    }
  };
}

function streamHandler(context: Context, method: RoutedMethod) {
  return async (call: ServerWritableStream<Buffer, Buffer>) => {
    const performed = begin(context, method, call);
    try {
      const reply = await performed.reply;
      call.sendMetadata(headersOf(performed));
      const frames = reply.kind === "stream" ? reply.frames : [reply.body];
      for await (const frame of frames) {
        performed.exchange.signal.throwIfAborted();
        if (!call.write(Buffer.from(frame.bytes))) await drained(call, performed.exchange.signal);
      }
      call.end();
      performed.end("OK");
    } catch (error) {
      // Not destroy(): a destroyed stream sends no status.
      call.emit("error", failure(context, performed, error));
    }
  };
}

/** A slow reader holds the upstream up and not the memory; one that went away ends it. */
async function drained(call: ServerWritableStream<Buffer, Buffer>, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const over = () => resolve();
  call.once("drain", over);
  signal.addEventListener("abort", over);
  await promise;
  call.off("drain", over);
  // A long stream waits thousands of times under the one signal.
  signal.removeEventListener("abort", over);
}

type AnyCall = ServerUnaryCall<Buffer, Buffer> | ServerWritableStream<Buffer, Buffer>;

function begin(context: Context, method: RoutedMethod, call: AnyCall): Performed {
  const deadline = Number(call.getDeadline());
  const arrived = arrivedOverGrpc(call.metadata, hostOf(call.getPeer()));
  const performed = perform(context, {
    method,
    surface: "grpc",
    request: bodyOfBytes(method.request, call.request),
    remoteAddress: callerAddress(context.config, arrived),
    header: (name) => call.metadata.get(name)[0]?.toString(),
    certificate: () => clientCertificate(context.config, arrived),
    ...(Number.isFinite(deadline) && { deadlineMs: deadline }),
  });
  call.on("cancelled", performed.cancel);
  return performed;
}

/** `127.0.0.1` of `127.0.0.1:50312`, `::1` of `[::1]:50312`. */
export function hostOf(peer: string): string {
  return peer.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
}

function headersOf({ exchange }: Performed): Metadata {
  const metadata = new Metadata();
  metadata.set("x-request-id", exchange.requestId);
  for (const [name, value] of limitHeaders(exchange)) metadata.set(name, value);
  return metadata;
}

function failure(context: Context, performed: Performed, cause: unknown) {
  const { exchange } = performed;
  const error = failureOf(exchange, cause);
  if (error.code === "INTERNAL") context.log.error({ requestId: exchange.requestId, error }, "request failed");
  performed.end(error.code);
  const metadata = metadataOfError(error);
  metadata.merge(headersOf(performed));
  return Object.assign(new Error(error.code), {
    code: statusOf(error),
    details: detailsOf(publicMessage(error)),
    metadata,
  });
}
