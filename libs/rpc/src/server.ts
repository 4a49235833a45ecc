import { AppError, describeError, toAppError } from "@agentmesh/errors";
import { newId } from "@agentmesh/ids";
import { inSpan, type Logger, type Metrics } from "@agentmesh/telemetry";
import {
  Server as GrpcServer,
  type Metadata,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
} from "@grpc/grpc-js";
import { authoriseCall, type Trust } from "./authorise-call.ts";
import { MAX_MESSAGE_BYTES } from "./channel.ts";
import type { MethodContract } from "./contract.ts";
import type { AnyHandler, Call, Implementation } from "./handlers.ts";
import { type HealthStatus, healthContract } from "./health.ts";
import { toServiceError } from "./status.ts";

export type ServeOptions = {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly implementations: readonly Implementation[];
  readonly trust: Trust;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Default 4 MiB in each direction. */
  readonly maxMessageBytes?: number;
  /** More services on the same port that bring their own handling, such as the gateway's forwarding. */
  readonly register?: (server: GrpcServer) => void;
};

export type Server = AsyncDisposable & {
  readonly port: number;
  /** What grpc.health.v1 answers. */
  setHealth(status: HealthStatus): void;
};

// How long calls under way may take to end while draining.
const DRAIN_MS = 10_000;

/**
 * A gRPC server for contracts: enforces each rule, bounds each call by its timeout, carries cancellation, trace
 * context and request id, maps errors, counts and times. Disposing drains.
 *
 * @throws AppError FAILED_PRECONDITION (PORT_IN_USE)
 */
export async function serve(options: ServeOptions): Promise<Server> {
  const { maxMessageBytes = MAX_MESSAGE_BYTES } = options;
  const server = new GrpcServer({
    "grpc.max_receive_message_length": maxMessageBytes,
    "grpc.max_send_message_length": maxMessageBytes,
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 5_000,
  });
  let health: HealthStatus = "SERVING";
  const durations = options.metrics.histogram("agentmesh_rpc_duration_seconds", "RPC time by method and code", [
    "method",
    "code",
  ]);
  for (const { contract, handlers } of options.implementations) {
    const definitions: Record<string, object> = {};
    const functions: Record<string, object> = {};
    for (const [name, method] of Object.entries(contract.methods)) {
      const handler = handlers[name];
      if (!handler) throw new AppError("INTERNAL", `${method.path} has no handler`);
      definitions[name] = definitionOf(method);
      const observe = (code: string, startedAtMs: number) =>
        durations.observe({ method: method.path, code }, (performance.now() - startedAtMs) / 1000);
      functions[name] = method.serverStreaming
        ? streamHandler(method, handler, options, observe)
        : unaryHandler(method, handler, options, observe);
    }
    server.addService(definitions as never, functions as never);
  }
  server.addService({ check: definitionOf(healthContract.methods.check) } as never, {
    check: (_call: unknown, reply: (error: null, value: object) => void) => reply(null, { status: health }),
  });
  options.register?.(server);
  const port = await bind(server, options);
  return {
    port,
    setHealth(status) {
      health = status;
    },
    async [Symbol.asyncDispose]() {
      health = "NOT_SERVING";
      await drain(server);
    },
  };
}

function definitionOf(method: MethodContract<unknown, unknown>): object {
  return {
    path: method.path,
    requestStream: false,
    responseStream: method.serverStreaming,
    requestSerialize: (message: unknown) => Buffer.from(method.request.encode(message).finish()),
    requestDeserialize: (bytes: Buffer) => method.request.decode(bytes),
    responseSerialize: (message: unknown) => Buffer.from(method.response.encode(message).finish()),
    responseDeserialize: (bytes: Buffer) => method.response.decode(bytes),
  };
}

async function bind(server: GrpcServer, { host, port }: ServeOptions): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.bindAsync(`${host}:${port}`, ServerCredentials.createInsecure(), (error, bound) => {
    if (error) {
      reject(
        new AppError(
          "FAILED_PRECONDITION",
          `cannot listen on ${host}:${port}: ${error.message}; free the port or choose another`,
          {
            reason: "PORT_IN_USE",
            cause: error,
          },
        ),
      );
    } else resolve(bound);
  });
  return promise;
}

async function drain(server: GrpcServer): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(() => {
    server.forceShutdown();
    resolve();
  }, DRAIN_MS);
  server.tryShutdown(() => resolve());
  await promise;
  clearTimeout(timer);
}

type Observe = (code: string, startedAtMs: number) => void;

function unaryHandler(
  method: MethodContract<unknown, unknown>,
  handler: AnyHandler,
  options: ServeOptions,
  observe: Observe,
) {
  return async (incoming: ServerUnaryCall<never, unknown>, reply: (error: object | null, value?: unknown) => void) => {
    const startedAtMs = performance.now();
    const { call, release } = await open(incoming, method);
    try {
      const value = await inSpan(method.path, spanOf(incoming), async () => {
        const allowed = await admit(call, options);
        return withDeadline(handler(incoming.request, allowed), call);
      });
      reply(null, method.response.fromPartial((value ?? {}) as never));
      observe("OK", startedAtMs);
    } catch (error) {
      observe(report(error, method, call, options), startedAtMs);
      reply(toServiceError(error));
    } finally {
      release();
    }
  };
}

function streamHandler(
  method: MethodContract<unknown, unknown>,
  handler: AnyHandler,
  options: ServeOptions,
  observe: Observe,
) {
  return async (outgoing: ServerWritableStream<never, unknown>) => {
    const startedAtMs = performance.now();
    const { call, release } = await open(outgoing, method);
    try {
      await inSpan(method.path, spanOf(outgoing), async () => {
        const allowed = await admit(call, options);
        const values = handler(outgoing.request, allowed) as AsyncIterable<unknown>;
        for await (const value of values) {
          call.signal.throwIfAborted();
          if (!outgoing.write(method.response.fromPartial((value ?? {}) as never)))
            await drained(outgoing, call.signal);
        }
      });
      outgoing.end();
      observe("OK", startedAtMs);
    } catch (error) {
      observe(report(error, method, call, options), startedAtMs);
      outgoing.destroy(toServiceError(error) as Error);
    } finally {
      release();
    }
  };
}

/** A slow reader holds the writer up and not the memory; one that went away ends it. */
async function drained(stream: ServerWritableStream<never, unknown>, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  stream.once("drain", resolve);
  signal.addEventListener("abort", () => resolve(), { once: true });
  await promise;
  stream.off("drain", resolve);
}

type Incoming = {
  metadata: Metadata;
  cancelled: boolean;
  getDeadline(): Date | number;
  getPeer(): string;
  on(event: "cancelled", listener: () => void): unknown;
};

async function open(incoming: Incoming, method: MethodContract<unknown, unknown>) {
  const abort = new AbortController();
  incoming.on("cancelled", () => abort.abort(new AppError("CANCELLED", `${method.path}: the caller went away`)));
  const asked = Number(incoming.getDeadline());
  const deadlineMs = Math.min(Date.now() + method.timeoutMs, Number.isFinite(asked) ? asked : Number.POSITIVE_INFINITY);
  const timer = setTimeout(
    () => abort.abort(new AppError("DEADLINE_EXCEEDED", `${method.path} took longer than its deadline allows`)),
    Math.max(0, deadlineMs - Date.now()),
  );
  const text = (name: string) => incoming.metadata.get(name)[0]?.toString();
  const bearer = /^Bearer (.+)$/i.exec(text("authorization") ?? "")?.[1];
  const call: Call = {
    rule: method,
    principal: undefined,
    token: bearer,
    workload: "",
    requestId: text("x-request-id") ?? newId(),
    deadlineMs,
    signal: abort.signal,
    metadata: text,
    peer: incoming.getPeer(),
  };
  return { call, release: () => clearTimeout(timer) };
}

async function admit(call: Call, options: ServeOptions): Promise<Call> {
  const proof = { bearer: call.token, workloadToken: call.metadata("x-mesh-workload") };
  return { ...call, ...(await authoriseCall(call.rule, proof, options.trust)) };
}

function withDeadline<T>(work: T, call: Call): Promise<Awaited<T>> {
  const { promise, reject } = Promise.withResolvers<never>();
  const fail = () => reject(call.signal.reason);
  call.signal.addEventListener("abort", fail, { once: true });
  return Promise.race([Promise.resolve(work), promise]).finally(() => call.signal.removeEventListener("abort", fail));
}

function spanOf(incoming: Incoming) {
  return { kind: "server", traceparent: incoming.metadata.get("traceparent")[0]?.toString() } as const;
}

function report(error: unknown, method: MethodContract<unknown, unknown>, call: Call, { log }: ServeOptions): string {
  const failure = toAppError(error);
  const fields = { method: method.path, code: failure.code, reason: failure.reason, requestId: call.requestId };
  if (failure.code === "INTERNAL" || failure.code === "DATA_LOSS") log.error({ ...fields, error }, "call failed");
  else log.debug({ ...fields, message: describeError(failure) }, "call refused");
  return failure.code;
}
