import { AppError } from "@agentmesh/errors";
import type { Principal, WorkloadIdentity } from "@agentmesh/identity";
import type { MethodRule } from "@agentmesh/proto/catalog";
import { endSpan, type Span, startDetachedSpan, traceparentOf } from "@agentmesh/telemetry";
import {
  type ClientReadableStream,
  type Client as GrpcClient,
  type Metadata,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import type { Balance } from "./balance/settings.ts";
import { bufferOf } from "./buffer-of.ts";
import { assertFits, type Channel, openChannel } from "./channel.ts";
import type { Contract, DeepPartial, MethodContract, RequestOf, ResponseOf } from "./contract.ts";
import { encodeMessage } from "./encode-message.ts";
import type { Call } from "./handlers.ts";
import { createMetadataBasis } from "./metadata-basis.ts";
import { errorFromStatus, isSaidByServer } from "./status.ts";

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
  /** Calls of one key go to one instance where the channel balances by consistent_hash. */
  readonly balanceKey?: string;
  /** Whom the call is for where it has no `parent`; balancing by tenant or session takes its key from it. */
  readonly principal?: Principal;
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
  /** How calls are spread over instances, for an address that is not yet a channel. */
  readonly balance?: Balance;
};

export function createClient<C extends Contract>(contract: C, options: ClientOptions): Client<C> & Disposable {
  const methods = Object.values(contract.methods);
  const retryable = methods.filter((method) => method.idempotency !== "EFFECT").map((method) => method.path);
  const isOwner = typeof options.address === "string";
  const { address, balance } = options;
  const channel =
    typeof address === "string" ? openChannel({ address, retryable, ...(balance && { balance }) }) : address;
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
  return encodeMessage(method.request, method.request.fromPartial(request));
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
  const { grpc, maxMessageBytes, balance } = options.address;
  const basis = createMetadataBasis(options.workload);
  function ownMetadata(common: Metadata, method: MethodRule, call: CallOptions, span: Span | undefined): Metadata {
    const own = balance ? balance.metadataOf(common, call, method.serverStreaming) : common.clone();
    return complete(own, call, span);
  }
  return {
    async unary(method, request, call = {}) {
      // Nothing below looks for the current span, so it need not become that: its context goes along as text.
      const span = startDetachedSpan(method.path, { kind: "client" });
      let failure: unknown;
      try {
        assertFits(`the request to ${method.path}`, request, maxMessageBytes);
        const metadata = ownMetadata(await basis.of(call.token ?? call.parent?.token), method, call, span);
        return await send(grpc, method, request, metadata, call, deadlineOf(method, call));
      } catch (error) {
        failure = error;
        throw error;
      } finally {
        endSpan(span, failure);
      }
    },
    async *stream(method, request, call = {}) {
      const span = method.untraced ? undefined : startDetachedSpan(method.path, { kind: "client" });
      let failure: unknown;
      try {
        assertFits(`the request to ${method.path}`, request, maxMessageBytes);
        const metadata = ownMetadata(await basis.of(call.token ?? call.parent?.token), method, call, span);
        yield* framesOf(
          grpc.makeServerStreamRequest(method.path, identity, identity, bufferOf(request), metadata, {
            deadline: deadlineOf(method, call),
          }),
          call,
        );
      } catch (error) {
        failure = isServiceError(error) ? errorFromStatus(error, method.path) : error;
        throw failure;
      } finally {
        if (span) endSpan(span, failure);
      }
    },
  };
}

function send(
  grpc: GrpcClient,
  method: MethodRule,
  request: Uint8Array,
  metadata: Metadata,
  call: CallOptions,
  deadlineMs: number,
  isRepeat = false,
): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  // One layer below grpc-js's own unary calls: those add interceptors, an event emitter and a stack trace to each.
  const sent = grpc.getChannel().createCall(method.path, deadlineMs, null, null, null);
  let reply: Buffer | undefined;
  let isBegun = false;
  sent.start(metadata, {
    onReceiveMetadata() {
      isBegun = true;
    },
    onReceiveMessage(message: Buffer) {
      if (reply) sent.cancelWithStatus(status.UNIMPLEMENTED, "Too many responses received");
      reply = message;
    },
    onReceiveStatus(end) {
      release();
      // The instance died between the head of its reply and the end: grpc-js repeats nothing of which it has seen a part.
      const isCut = isBegun && end.code === status.UNAVAILABLE && !isSaidByServer(end);
      if (isCut && !isRepeat && method.idempotency !== "EFFECT") {
        resolve(send(grpc, method, request, metadata, call, deadlineMs, true));
      } else if (end.code !== status.OK) reject(errorFromStatus(end, method.path));
      else if (reply) resolve(reply);
      else reject(new AppError("UNIMPLEMENTED", `${method.path}: no message received`));
    },
  });
  sent.sendMessageWithContext({}, bufferOf(request));
  sent.halfClose();
  sent.startRead();
  // A status never comes in the turn that began the call.
  const release = cancelWith(call, () => sent.cancelWithStatus(status.CANCELLED, "Cancelled on client"));
  return promise;
}

async function* framesOf(frames: ClientReadableStream<Buffer>, call: CallOptions) {
  const release = cancelWith(call, () => frames.cancel());
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

function complete(metadata: Metadata, { metadata: more = {}, parent }: CallOptions, span: Span | undefined): Metadata {
  const requestId = parent?.requestId;
  if (requestId) metadata.set("x-request-id", requestId);
  const traceparent = span && traceparentOf(span);
  if (traceparent) metadata.set("traceparent", traceparent);
  // What identifies the call is not the caller's to replace.
  for (const [name, value] of Object.entries(more)) if (metadata.get(name).length === 0) metadata.set(name, value);
  return metadata;
}

function deadlineOf(method: MethodRule, call: CallOptions): number {
  const own = Date.now() + Math.min(method.timeoutMs, call.timeoutMs ?? method.timeoutMs);
  return Math.min(own, call.parent?.deadlineMs ?? own);
}

/** Cancels when the signal or the parent's says so. The result undoes it, once the call is over. */
function cancelWith({ signal, parent }: CallOptions, cancel: () => void): () => void {
  if (!signal && !parent) return nothing;
  const signals = signal && parent ? [signal, parent.signal] : [signal ?? parent?.signal];
  for (const each of signals) {
    if (each?.aborted) cancel();
    each?.addEventListener("abort", cancel, { once: true });
  }
  return () => {
    for (const each of signals) each?.removeEventListener("abort", cancel);
  };
}

function nothing(): void {}
