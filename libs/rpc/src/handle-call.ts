import { once } from "node:events";
import { AppError, describeError, toAppError } from "@agentmesh/errors";
import { inSpan, type Logger } from "@agentmesh/telemetry";
import type { ServerUnaryCall, ServerWritableStream } from "@grpc/grpc-js";
import { authoriseCall, recallCaller, type Trust } from "./authorise-call.ts";
import { assertFits, MAX_MESSAGE_BYTES } from "./channel.ts";
import type { MethodContract } from "./contract.ts";
import { encodeMessage } from "./encode-message.ts";
import type { AnyHandler, Call } from "./handlers.ts";
import { IncomingCall } from "./incoming-call.ts";
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
  const bytes = encodeMessage(method.response, method.response.fromPartial((value ?? {}) as never));
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
  async function answer(call: IncomingCall, message: Buffer): Promise<Buffer> {
    const admission = admit(call, options);
    if (admission) await admission;
    const request = decode(method, message) as never;
    call.narrow(request);
    return encode(method, call.seen(await call.unlessCut(handler(request, call))), maxMessageBytes);
  }
  return async (incoming: ServerUnaryCall<Buffer, Buffer>, reply: (error: object | null, value?: Buffer) => void) => {
    const startedAtMs = performance.now();
    const call = new IncomingCall(incoming, method);
    try {
      const bytes = await inSpan(method.path, spanOf(call), () => answer(call, incoming.request));
      reply(null, bytes);
      observe("OK", startedAtMs);
    } catch (error) {
      observe(report(error, method, call, options), startedAtMs);
      reply(toServiceError(error));
    } finally {
      call.release();
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
    const call = new IncomingCall(outgoing, method);
    try {
      const traced = method.untraced ? untraced : inSpan;
      await traced(method.path, spanOf(call), async () => {
        await admit(call, options);
        const request = decode(method, outgoing.request) as never;
        call.narrow(request);
        const values = handler(request, call) as AsyncIterable<unknown>;
        for await (const value of untilAborted(values, call)) {
          // A slow reader holds the writer up and not the memory.
          if (!outgoing.write(encode(method, call.seen(value), maxMessageBytes)))
            await call.unlessCut(once(outgoing, "drain"));
        }
      });
      outgoing.end();
      observe("OK", startedAtMs);
    } catch (error) {
      observe(report(error, method, call, options), startedAtMs);
      // Not destroy(): that drops the status together with what was not written yet.
      outgoing.emit("error", toServiceError(error));
    } finally {
      call.release();
    }
  };
}

function untraced(_name: string, _options: object, run: () => Promise<void>): Promise<void> {
  return run();
}

/** The values of a handler for as long as somebody waits for them, also when it does not heed the call's signal. */
async function* untilAborted(values: AsyncIterable<unknown>, call: IncomingCall) {
  const iterator = values[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await call.unlessCut(iterator.next());
      if (next.done) return;
      yield next.value;
    }
  } finally {
    // Not awaited: a handler that hangs would answer only when its own wait is over.
    void Promise.resolve(iterator.return?.()).catch(() => undefined);
  }
}

/** Nothing to wait for where both tokens are remembered, which is all but the first call of each. */
function admit(call: IncomingCall, options: HandlingOptions): Promise<void> | undefined {
  const proof = { bearer: call.token, workloadToken: call.metadata("x-mesh-workload") };
  const known = recallCaller(call.rule, proof, options.trust);
  if (known) call.admit(known);
  else return authoriseCall(call.rule, proof, options.trust).then((caller) => call.admit(caller));
}

function spanOf(call: IncomingCall) {
  return { kind: "server", traceparent: call.metadata("traceparent") } as const;
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
