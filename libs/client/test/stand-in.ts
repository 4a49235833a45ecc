// What meshctl sees of a mesh: one gRPC server with every contract behind it. A test says what the RPCs it needs answer;
// the others refuse. The real mesh is in meshctl-mesh.test.ts.
import { AppError } from "@agentmesh/errors";
import { type MethodContract, metadataOfError, statusOf } from "@agentmesh/rpc";
import {
  Server as GrpcServer,
  type Metadata,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
} from "@grpc/grpc-js";
import { contractOf, modules } from "./contracts.ts";

export type Handler = (request: never, metadata: Metadata) => unknown;

export type StandIn = AsyncDisposable & {
  readonly address: string;
  /** What was called, as `Method` names in order. */
  readonly calls: string[];
  /** Answers an RPC: `auth/WhoAmI`. A handler of a stream answers an iterable; a throw becomes a status. */
  on(method: string, handler: Handler): void;
};

export async function startStandIn(credentials = ServerCredentials.createInsecure()): Promise<StandIn> {
  const server = new GrpcServer();
  const handlers = new Map<string, Handler>();
  const calls: string[] = [];
  const answer = (name: string, request: unknown, metadata: Metadata): unknown => {
    calls.push(name);
    const handler = handlers.get(name);
    if (!handler) throw new AppError("UNIMPLEMENTED", `the test does not answer ${name}`, { reason: "NOT_ANSWERED" });
    return handler(request as never, metadata);
  };
  for (const module of modules) {
    const methods = Object.entries(contractOf(module).methods);
    const definition = Object.fromEntries(methods.map(([name, method]) => [name, definitionOf(method)]));
    const implementation = methods.map(([name, method]) => {
      const known = `${module}/${method.name}`;
      return [name, method.serverStreaming ? stream(known, method, answer) : unary(known, method, answer)];
    });
    server.addService(definition, Object.fromEntries(implementation));
  }
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.bindAsync("127.0.0.1:0", credentials, (error, port) => (error ? reject(error) : resolve(port)));
  const port = await promise;
  return {
    address: `127.0.0.1:${port}`,
    calls,
    on: (name, handler) => void handlers.set(name, handler),
    async [Symbol.asyncDispose]() {
      server.forceShutdown();
    },
  };
}

type Answer = (name: string, request: unknown, metadata: Metadata) => unknown;
type Method = MethodContract<unknown, unknown>;

function definitionOf(method: Method) {
  const identity = (bytes: Buffer) => bytes;
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

function unary(name: string, method: Method, answer: Answer) {
  return async (call: ServerUnaryCall<Buffer, Buffer>, reply: (error: object | null, bytes?: Buffer) => void) => {
    try {
      const value = await answer(name, method.request.decode(call.request), call.metadata);
      reply(null, encode(method, value));
    } catch (error) {
      reply(failure(error));
    }
  };
}

function stream(name: string, method: Method, answer: Answer) {
  return async (call: ServerWritableStream<Buffer, Buffer>) => {
    try {
      const values = answer(name, method.request.decode(call.request), call.metadata) as AsyncIterable<unknown>;
      for await (const value of values) call.write(encode(method, value));
      call.end();
    } catch (error) {
      call.emit("error", failure(error));
    }
  };
}

function encode(method: Method, value: unknown): Buffer {
  return Buffer.from(method.response.encode(method.response.fromPartial((value ?? {}) as never)).finish());
}

function failure(error: unknown): Error {
  const refusal = error instanceof AppError ? error : new AppError("INTERNAL", String(error));
  return Object.assign(new Error(refusal.message), {
    code: statusOf(refusal),
    details: refusal.message,
    metadata: metadataOfError(refusal),
  });
}
