import { AppError } from "@agentmesh/errors";
import type { Metrics } from "@agentmesh/telemetry";
import {
  Server as GrpcServer,
  logVerbosity,
  ServerCredentials,
  type ServerInterceptor,
  setLogVerbosity,
} from "@grpc/grpc-js";
import { MAX_MESSAGE_BYTES } from "./channel.ts";
import {
  definitionOf,
  encode,
  type HandlingOptions,
  type Observe,
  streamHandler,
  unaryHandler,
} from "./handle-call.ts";
import type { Implementation } from "./handlers.ts";
import { type HealthStatus, healthContract } from "./health.ts";

export type ServeOptions = HandlingOptions & {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly implementations: readonly Implementation[];
  readonly metrics: Metrics;
  /** How long calls under way may take to end while draining, in milliseconds. Default GRPC_DRAIN_MS. */
  readonly drainMs?: number;
  /** More services on the same port that bring their own handling, such as the gateway's forwarding. */
  readonly register?: (server: GrpcServer) => void;
  /** Calls that one connection may have open at a time; more wait at the client. Default: no bound. */
  readonly maxStreams?: number;
  /** Wrapped around every call, outermost first. Default: none. */
  readonly interceptors?: readonly ServerInterceptor[];
};

export type Server = AsyncDisposable & {
  readonly port: number;
  /** What grpc.health.v1 answers. */
  setHealth(status: HealthStatus): void;
};

/** How long calls under way may take to end while draining; part of a pod's grace period. */
export const GRPC_DRAIN_MS = 20_000;

// gRPC would write plain lines between our JSON; what fails reaches us as errors.
setLogVerbosity(logVerbosity.NONE);

/**
 * A gRPC server for contracts: enforces each rule, bounds each call by its timeout, carries cancellation, trace
 * context and request id, maps errors, counts and times. Disposing drains.
 *
 * @throws AppError FAILED_PRECONDITION (PORT_IN_USE)
 */
export async function serve(options: ServeOptions): Promise<Server> {
  const { maxMessageBytes = MAX_MESSAGE_BYTES, drainMs = GRPC_DRAIN_MS, maxStreams, interceptors = [] } = options;
  const server = new GrpcServer({
    "grpc.max_receive_message_length": maxMessageBytes,
    "grpc.max_send_message_length": maxMessageBytes,
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 5_000,
    // Its own accounting of every call, which nobody reads.
    "grpc.enable_channelz": 0,
    ...(maxStreams !== undefined && { "grpc.max_concurrent_streams": maxStreams }),
    interceptors: [...interceptors],
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
      const observe = observerOf(durations, method.path);
      functions[name] = method.serverStreaming
        ? streamHandler(method, handler, options, observe)
        : unaryHandler(method, handler, options, observe);
    }
    server.addService(definitions as never, functions as never);
  }
  const check = healthContract.methods.check;
  server.addService({ check: definitionOf(check) } as never, {
    check: (_call: unknown, reply: (error: null, value: Buffer) => void) =>
      reply(null, encode(check, { status: health }, maxMessageBytes)),
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
      await drain(server, drainMs);
    },
  };
}

/** Labels are bound once a code: to look them up by value for each call takes longer than to count it. */
function observerOf(durations: ReturnType<Metrics["histogram"]>, method: string): Observe {
  const bound = new Map<string, { observe(seconds: number): void }>();
  return (code, startedAtMs) => {
    let labelled = bound.get(code);
    if (!labelled) {
      labelled = durations.labels({ method, code });
      bound.set(code, labelled);
    }
    labelled.observe((performance.now() - startedAtMs) / 1000);
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

async function drain(server: GrpcServer, drainMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(() => {
    server.forceShutdown();
    resolve();
  }, drainMs);
  server.tryShutdown(() => resolve());
  await promise;
  clearTimeout(timer);
}
