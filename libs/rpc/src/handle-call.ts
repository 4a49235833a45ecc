import { once } from "node:events";
import { AppError, describeError, toAppError } from "@agentmesh/errors";
import { newId } from "@agentmesh/ids";
import { inSpan, type Logger } from "@agentmesh/telemetry";
import type { Metadata, ServerUnaryCall, ServerWritableStream } from "@grpc/grpc-js";
import { authoriseCall, type Trust } from "./authorise-call.ts";
import { assertFits, MAX_MESSAGE_BYTES } from "./channel.ts";
import type { MethodContract } from "./contract.ts";
import type { AnyHandler, Call } from "./handlers.ts";
import { toServiceError } from "./status.ts";

export type HandlingOptions = {
  readonly trust: Trust;
  readonly log: Logger;
  /** Default 4 MiB in each direction. */
  readonly maxMessageBytes?: number;
};

/** Messages pass gRPC as bytes: it would turn every failure of a codec into INTERNAL, and decode before we authorise. */
export function definitionOf(method: MethodContract<unknown, unknown>): object {
  return {
    path: method.path,
    requestStream: false,
    responseStream: method.serverStreaming,
    requestSerialize: asItIs,
    requestDeserialize: asItIs,
    responseSerialize: asItIs,
    responseDeserialize: asItIs,
  };
}

function asItIs(bytes: Buffer): Buffer {
  return bytes;
}

function decode(method: MethodContract<unknown, unknown>, bytes: Buffer): unknown {
  try {
    return method.request.decode(bytes);
  } catch (cause) {
    throw new AppError(
      "INVALID_ARGUMENT",
      `the request to ${method.path} is not a message of its contract: ${describeError(cause)}`,
      { reason: "BAD_PROTOBUF", cause },
    );
  }
}

export function encode(method: MethodContract<unknown, unknown>, value: unknown, maxBytes: number): Buffer {
  const bytes = Buffer.from(method.response.encode(method.response.fromPartial((value ?? {}) as never)).finish());
  assertFits(`the reply of ${method.path}`, bytes, maxBytes);
  return bytes;
}
export type Observe = (code: string, startedAtMs: number) => void;

/** Carries one call from the wire to its handler and back. */
export function unaryHandler(
  method: MethodContract<unknown, unknown>,
  handler: AnyHandler,
  options: HandlingOptions,
  observe: Observe,
) {
  const { maxMessageBytes = MAX_MESSAGE_BYTES } = options;
  return async (incoming: ServerUnaryCall<Buffer, Buffer>, reply: (error: object | null, value?: Buffer) => void) => {
    const startedAtMs = performance.now();
    const { call, release } = await open(incoming, method);
    try {
      const bytes = await inSpan(method.path, spanOf(incoming), async () => {
        const allowed = await admit(call, options);
        const request = decode(method, incoming.request) as never;
        return encode(method, await withDeadline(handler(request, allowed), call), maxMessageBytes);
      });
      reply(null, bytes);
      observe("OK", startedAtMs);
    } catch (error) {
      observe(report(error, method, call, options), startedAtMs);
      reply(toServiceError(error));
    } finally {
      release();
    }
  };
}

/** As unaryHandler, for a stream of replies. */
export function streamHandler(
  method: MethodContract<unknown, unknown>,
  handler: AnyHandler,
  options: HandlingOptions,
  observe: Observe,
) {
  const { maxMessageBytes = MAX_MESSAGE_BYTES } = options;
  return async (outgoing: ServerWritableStream<Buffer, Buffer>) => {
    const startedAtMs = performance.now();
    const { call, release } = await open(outgoing, method);
    try {
      await inSpan(method.path, spanOf(outgoing), async () => {
        const allowed = await admit(call, options);
        const values = handler(decode(method, outgoing.request) as never, allowed) as AsyncIterable<unknown>;
        for await (const value of untilAborted(values, call)) {
          // A slow reader holds the writer up and not the memory.
          if (!outgoing.write(encode(method, value, maxMessageBytes)))
            await withDeadline(once(outgoing, "drain"), call);
        }
      });
      outgoing.end();
      observe("OK", startedAtMs);
    } catch (error) {
      observe(report(error, method, call, options), startedAtMs);
      // Not destroy(): that drops the status together with what was not written yet.
      outgoing.emit("error", toServiceError(error));
    } finally {
      release();
    }
  };
}

/** The values of a handler for as long as somebody waits for them, also when it does not heed the call's signal. */
async function* untilAborted(values: AsyncIterable<unknown>, call: Call) {
  const iterator = values[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await withDeadline(iterator.next(), call);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    // Not awaited: a handler that hangs would answer only when its own wait is over.
    void Promise.resolve(iterator.return?.()).catch(() => undefined);
  }
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
  let isOver = false;
  incoming.on("cancelled", () => {
    // grpc-js says so of calls that were answered, too; an error object for each would be a fiftieth of a call's CPU.
    if (!isOver) abort.abort(new AppError("CANCELLED", `${method.path}: the caller went away`));
  });
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
  function release(): void {
    isOver = true;
    clearTimeout(timer);
  }
  return { call, release };
}

async function admit(call: Call, options: HandlingOptions): Promise<Call> {
  const proof = { bearer: call.token, workloadToken: call.metadata("x-mesh-workload") };
  const allowed = { ...call, ...(await authoriseCall(call.rule, proof, options.trust)) };
  call.signal.throwIfAborted();
  return allowed;
}

function withDeadline<T>(work: T, call: Call): Promise<Awaited<T>> {
  const { promise, reject } = Promise.withResolvers<never>();
  const fail = () => reject(call.signal.reason);
  if (call.signal.aborted) fail();
  call.signal.addEventListener("abort", fail, { once: true });
  return Promise.race([Promise.resolve(work), promise]).finally(() => call.signal.removeEventListener("abort", fail));
}

function spanOf(incoming: Incoming) {
  return { kind: "server", traceparent: incoming.metadata.get("traceparent")[0]?.toString() } as const;
}

function report(
  error: unknown,
  method: MethodContract<unknown, unknown>,
  call: Call,
  { log }: HandlingOptions,
): string {
  const failure = toAppError(error);
  const fields = { method: method.path, code: failure.code, reason: failure.reason, requestId: call.requestId };
  if (failure.code === "INTERNAL" || failure.code === "DATA_LOSS") log.error({ ...fields, error }, "call failed");
  else log.debug({ ...fields, message: describeError(failure) }, "call refused");
  return failure.code;
}
