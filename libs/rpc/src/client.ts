import type { WorkloadIdentity } from "@agentmesh/identity";
import type { MethodRule } from "@agentmesh/proto/catalog";
import { currentTraceparent, endSpan, inSpan, startDetachedSpan } from "@agentmesh/telemetry";
import { type ClientReadableStream, Metadata, type ServiceError } from "@grpc/grpc-js";
import { assertFits, type Channel, openChannel } from "./channel.ts";
import type { Contract, DeepPartial, MethodContract, RequestOf, ResponseOf } from "./contract.ts";
import type { Call } from "./handlers.ts";
import { errorFromStatus } from "./status.ts";

export type CallOptions = {
  /** The call being handled: its deadline, cancellation, request id and, unless `token` is given, its token go along. */
  readonly parent?: Call;
  /** Bearer token of the user the call is for. */
  readonly token?: string;
  readonly signal?: AbortSignal;
  /** Shortens the contract's timeout, in milliseconds. */
  readonly timeoutMs?: number;
  /** Further metadata, lower-case names. */
  readonly metadata?: Readonly<Record<string, string>>;
};

type ClientMethod<M> = M extends { serverStreaming: true }
  ? (request: DeepPartial<RequestOf<M>>, options?: CallOptions) => AsyncIterable<ResponseOf<M>>
  : (request: DeepPartial<RequestOf<M>>, options?: CallOptions) => Promise<ResponseOf<M>>;

/** A contract's methods as functions. Failures are AppErrors: the peer's own, or UNAVAILABLE and the like. */
export type Client<C extends Contract> = { readonly [K in keyof C["methods"]]: ClientMethod<C["methods"][K]> };

export type ClientOptions = {
  /** `host:port[,host:port…]`, or a channel that is already open. */
  readonly address: string | Channel;
  /** Signs in as a service of the mesh; outside callers have none. */
  readonly workload?: WorkloadIdentity;
};

export function createClient<C extends Contract>(contract: C, options: ClientOptions): Client<C> & Disposable {
  const methods = Object.values(contract.methods);
  const retryable = methods.filter((method) => method.idempotency !== "EFFECT").map((method) => method.path);
  const isOwner = typeof options.address === "string";
  const channel =
    typeof options.address === "string" ? openChannel({ address: options.address, retryable }) : options.address;
  const raw = createRawClient({ ...options, address: channel });
  const entries = Object.entries(contract.methods).map(([name, method]) => [
    name,
    method.serverStreaming
      ? (request: never, call: CallOptions = {}) => decodeAll(raw.stream(method, encode(method, request), call), method)
      : async (request: never, call: CallOptions = {}) =>
          method.response.decode(await raw.unary(method, encode(method, request), call)),
  ]);
  // The entries are built from the very contract that the type is derived from.
  return Object.assign(Object.fromEntries(entries), {
    // A channel that was handed in belongs to whoever opened it.
    [Symbol.dispose]: () => (isOwner ? channel[Symbol.dispose]() : undefined),
  }) as Client<C> & Disposable;
}

function encode(method: MethodContract<unknown, unknown>, request: never): Uint8Array {
  return method.request.encode(method.request.fromPartial(request)).finish();
}

async function* decodeAll(frames: AsyncIterable<Uint8Array>, method: MethodContract<unknown, unknown>) {
  for await (const frame of frames) yield method.response.decode(frame);
}

/** Calls with encoded bytes, for whoever passes messages on without looking into them. */
export type RawClient = {
  unary(method: MethodRule, request: Uint8Array, options?: CallOptions): Promise<Uint8Array>;
  stream(method: MethodRule, request: Uint8Array, options?: CallOptions): AsyncIterable<Uint8Array>;
};

export function createRawClient(options: { address: Channel; workload?: WorkloadIdentity }): RawClient {
  const { grpc, maxMessageBytes } = options.address;
  return {
    unary(method, request, call = {}) {
      return inSpan(method.path, { kind: "client" }, async () => {
        assertFits(`the request to ${method.path}`, request, maxMessageBytes);
        const metadata = await metadataFor(options.workload, call);
        const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
        const sent = grpc.makeUnaryRequest(
          method.path,
          identity,
          identity,
          Buffer.from(request),
          metadata,
          {
            deadline: deadlineOf(method, call),
          },
          (error, reply) => {
            if (error) reject(errorFromStatus(error, method.path));
            else resolve(reply ?? new Uint8Array());
          },
        );
        const release = cancelWith(signalOf(call), () => sent.cancel());
        return promise.finally(release);
      });
    },
    async *stream(method, request, call = {}) {
      const span = startDetachedSpan(method.path, { kind: "client" });
      let failure: unknown;
      try {
        assertFits(`the request to ${method.path}`, request, maxMessageBytes);
        const metadata = await metadataFor(options.workload, call);
        yield* framesOf(
          grpc.makeServerStreamRequest(method.path, identity, identity, Buffer.from(request), metadata, {
            deadline: deadlineOf(method, call),
          }),
          signalOf(call),
        );
      } catch (error) {
        failure = isServiceError(error) ? errorFromStatus(error, method.path) : error;
        throw failure;
      } finally {
        endSpan(span, failure);
      }
    },
  };
}

async function* framesOf(frames: ClientReadableStream<Buffer>, signal: AbortSignal | undefined) {
  const release = cancelWith(signal, () => frames.cancel());
  try {
    yield* frames;
  } finally {
    release();
    frames.cancel();
  }
}

function identity(bytes: Buffer): Buffer {
  return bytes;
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "code" in error && "details" in error;
}

async function metadataFor(workload: WorkloadIdentity | undefined, call: CallOptions): Promise<Metadata> {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(call.metadata ?? {})) metadata.set(name, value);
  const token = call.token ?? call.parent?.token;
  if (token) metadata.set("authorization", `Bearer ${token}`);
  if (call.parent?.requestId) metadata.set("x-request-id", call.parent.requestId);
  if (workload) metadata.set("x-mesh-workload", await workload.token());
  const traceparent = currentTraceparent();
  if (traceparent) metadata.set("traceparent", traceparent);
  return metadata;
}

function deadlineOf(method: MethodRule, call: CallOptions): number {
  const own = Date.now() + Math.min(method.timeoutMs, call.timeoutMs ?? method.timeoutMs);
  return Math.min(own, call.parent?.deadlineMs ?? own);
}

function signalOf({ signal, parent }: CallOptions): AbortSignal | undefined {
  if (signal && parent) return AbortSignal.any([signal, parent.signal]);
  return signal ?? parent?.signal;
}

function cancelWith(signal: AbortSignal | undefined, cancel: () => void): () => void {
  if (!signal) return () => {};
  if (signal.aborted) cancel();
  signal.addEventListener("abort", cancel, { once: true });
  return () => signal.removeEventListener("abort", cancel);
}
