import { readFileSync } from "node:fs";
import { AppError, toAppError } from "@agentmesh/errors";
import { detailsOf, metadataOfError, statusOf } from "@agentmesh/rpc";
import {
  createFileRegistry,
  type DescMethod,
  type FileRegistry,
  fromBinary,
  fromJson,
  type JsonValue,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import type { Server as GrpcServer, ServerUnaryCall, ServerWritableStream, sendUnaryData } from "@grpc/grpc-js";
import { arrivedOverGrpc } from "../callers/arrived.ts";
import { callerAddress } from "../callers/caller-address.ts";
import { clientCertificate } from "../callers/client-certificate.ts";
import type { Context } from "../context.ts";
import { hostOf } from "../grpc/surface.ts";
import { createEdgeCall, type EdgeCall } from "../http/edge-call.ts";
import { INVALID_PARAMS, METHOD_NOT_FOUND, RpcError } from "../http/json-rpc.ts";
import { type Performed, publicMessage } from "../perform.ts";
import { whereOf } from "./agent-card.ts";
import { eventsOf, isStream, resultOf, TASK_NOT_FOUND } from "./answer-a2a.ts";
import { CONTENT_TYPE_NOT_SUPPORTED } from "./read-message.ts";

export const A2A_SERVICE = "lf.a2a.v1.A2AService";
const AGENT = /^[a-z0-9][a-z0-9_-]{0,62}$/;

/**
 * A2A over gRPC: the same calls as by JSON-RPC, whose messages are these in JSON. The agent is the request's `tenant`, which
 * an interface in an agent's card names.
 */
export function registerA2a(server: GrpcServer, registry: FileRegistry, context: Context): void {
  const methods = registry.getService(A2A_SERVICE)?.methods ?? [];
  const definition = Object.fromEntries(methods.map((method) => [method.name, definitionOf(method)]));
  const handlers = methods.map((method) => [
    method.name,
    isStream(method.name) ? streamHandler(context, method) : unaryHandler(context, method),
  ]);
  server.addService(definition, Object.fromEntries(handlers));
}

/** The compiled protocol. */
export function loadA2a(): FileRegistry {
  const bytes = readFileSync(new URL("./a2a.binpb", import.meta.url));
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, bytes));
  if (!registry.getService(A2A_SERVICE)) throw new Error(`a2a.binpb has no ${A2A_SERVICE}; build it as a2a.proto says`);
  return registry;
}

function definitionOf({ name }: DescMethod) {
  const asItIs = (bytes: Buffer) => bytes;
  return {
    path: `/${A2A_SERVICE}/${name}`,
    requestStream: false,
    responseStream: isStream(name),
    requestSerialize: asItIs,
    requestDeserialize: asItIs,
    responseSerialize: asItIs,
    responseDeserialize: asItIs,
  };
}

function unaryHandler(context: Context, method: DescMethod) {
  return async (call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => {
    try {
      const { agent, params } = paramsOf(method, call.request);
      const edge = edgeOf(context, call);
      const where = whereOf(context.config.http);
      answer(null, encode(method, await resultOf(edge, agent, where, { jsonrpc: "2.0", method: method.name, params })));
    } catch (error) {
      answer(failure(error));
    }
  };
}

function streamHandler(context: Context, method: DescMethod) {
  return async (call: ServerWritableStream<Buffer, Buffer>) => {
    try {
      const { agent, params } = paramsOf(method, call.request);
      for await (const update of eventsOf(edgeOf(context, call), agent, method.name, params)) {
        if (!call.write(encode(method, update))) await drained(call);
      }
      call.end();
    } catch (error) {
      call.emit("error", failure(error));
    }
  };
}

/** A slow reader holds the upstream up and not the memory; one that went away has its call cancelled. */
async function drained(call: ServerWritableStream<Buffer, Buffer>): Promise<void> {
  if (call.cancelled) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  call.once("drain", resolve).once("cancelled", resolve);
  await promise;
  call.off("drain", resolve).off("cancelled", resolve);
}

function paramsOf(
  { input }: DescMethod,
  bytes: Buffer,
): { agent: string | undefined; params: Record<string, unknown> } {
  let params: Record<string, unknown>;
  try {
    params = { ...Object(toJson(input, fromBinary(input, bytes))) };
  } catch (cause) {
    throw new AppError("INVALID_ARGUMENT", "the message cannot be decoded; encode it as A2A 1.0 has it", {
      reason: "MALFORMED",
      cause,
    });
  }
  const { tenant } = params;
  return { agent: typeof tenant === "string" && AGENT.test(tenant) ? tenant : undefined, params };
}

function encode({ output }: DescMethod, result: object): Buffer {
  // What the protocol has in JSON alone is left out.
  const json: JsonValue = JSON.parse(JSON.stringify(result));
  return Buffer.from(toBinary(output, fromJson(output, json, { ignoreUnknownFields: true })));
}

type AnyCall = ServerUnaryCall<Buffer, Buffer> | ServerWritableStream<Buffer, Buffer>;

function edgeOf(context: Context, call: AnyCall): EdgeCall {
  const open = new Set<Performed>();
  call.on("cancelled", () => {
    for (const { cancel } of open) cancel();
  });
  const arrived = arrivedOverGrpc(call.metadata, hostOf(call.getPeer()));
  return createEdgeCall(context, {
    surface: "grpc",
    remoteAddress: callerAddress(context.config, arrived),
    header: (name) => call.metadata.get(name)[0]?.toString(),
    certificate: () => clientCertificate(context.config, arrived),
    begun: (performed) => void open.add(performed),
    ended: (performed) => void open.delete(performed),
  });
}

function failure(cause: unknown) {
  const error = cause instanceof RpcError ? errorOf(cause) : toAppError(cause);
  return Object.assign(new Error(error.code), {
    code: statusOf(error),
    details: detailsOf(publicMessage(error)),
    metadata: metadataOfError(error),
  });
}

function errorOf({ code, message }: RpcError): AppError {
  if (code === TASK_NOT_FOUND) return new AppError("NOT_FOUND", message);
  if (code === INVALID_PARAMS || code === CONTENT_TYPE_NOT_SUPPORTED) return new AppError("INVALID_ARGUMENT", message);
  return new AppError(code === METHOD_NOT_FOUND ? "UNIMPLEMENTED" : "FAILED_PRECONDITION", message);
}
