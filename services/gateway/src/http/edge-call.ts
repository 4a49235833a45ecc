import type { IncomingMessage, ServerResponse } from "node:http";
import { arrivedOverHttp } from "../callers/arrived.ts";
import { callerAddress } from "../callers/caller-address.ts";
import { clientCertificate } from "../callers/client-certificate.ts";
import type { Context } from "../context.ts";
import { failureOf, type Incoming, limitHeaders, type Performed, perform } from "../perform.ts";
import { bodyOfMessage } from "../pipeline/body.ts";
import type { Caller, Exchange } from "../pipeline/exchange.ts";
import type { RoutedMethod } from "../routes.ts";
import { headerOf } from "./headers.ts";
import type { UnderWay } from "./under-way.ts";

/**
 * Calls of the contract on behalf of one request, for surfaces whose own words do not stand for one call each. Every call
 * passes the whole pipeline by itself; all of them end when the caller goes away.
 */
export type EdgeCall = {
  /** @param signal ends it as if the caller had gone away. @throws AppError of the pipeline or of the owner */
  unary(method: RoutedMethod, message: unknown, signal?: AbortSignal): Promise<unknown>;
  /** @param signal ends it as if the caller had gone away */
  stream(method: RoutedMethod, message: unknown, signal?: AbortSignal): AsyncGenerator<unknown>;
  /** Who asks, once a call has said so. */
  readonly caller: Caller | undefined;
};

export type EdgeCaller = Pick<Incoming, "surface" | "remoteAddress" | "header" | "certificate"> & {
  readonly begun: (performed: Performed) => void;
  readonly ended: (performed: Performed) => void;
};

/** Calls for a request over HTTP. */
export function openEdgeCall(
  context: Context,
  underWay: UnderWay,
  incoming: IncomingMessage,
  response: ServerResponse,
): EdgeCall {
  const open = new Map<Performed, () => void>();
  response.once("close", () => {
    if (!response.writableFinished) for (const { cancel } of open.keys()) cancel();
  });
  const arrived = arrivedOverHttp(incoming);
  return createEdgeCall(context, {
    surface: "http",
    remoteAddress: callerAddress(context.config, arrived),
    header: headerOf(incoming),
    certificate: () => clientCertificate(context.config, arrived),
    begun(performed) {
      open.set(performed, underWay.add(performed.leave, false));
    },
    /** The last call's headers are the response's. */
    ended(performed) {
      open.get(performed)?.();
      open.delete(performed);
      if (response.headersSent) return;
      if (underWay.isDraining) response.shouldKeepAlive = false;
      for (const [name, value] of limitHeaders(performed.exchange)) response.setHeader(name, value);
      response.setHeader("x-request-id", performed.exchange.requestId);
    },
  });
}

export function createEdgeCall(context: Context, { begun, ended, ...caller }: EdgeCaller): EdgeCall {
  let last: Exchange | undefined;
  function begin(method: RoutedMethod, message: unknown, signal?: AbortSignal): Performed {
    const performed = perform(context, { ...caller, method, request: bodyOfMessage(method.request, message) });
    last = performed.exchange;
    begun(performed);
    if (signal?.aborted) performed.cancel();
    signal?.addEventListener("abort", performed.cancel, { once: true });
    return performed;
  }

  function end(performed: Performed, code: string): void {
    performed.end(code);
    ended(performed);
  }

  function failed(performed: Performed, error: unknown): Error {
    const failure = failureOf(performed.exchange, error);
    end(performed, failure.code);
    return failure;
  }

  return {
    get caller() {
      return last?.caller;
    },
    async unary(method, message, signal) {
      const performed = begin(method, message, signal);
      try {
        const reply = await performed.reply;
        if (reply.kind === "stream") throw new Error(`${method.path} answered with a stream`);
        const answer = reply.body.message;
        end(performed, "OK");
        return answer;
      } catch (error) {
        throw failed(performed, error);
      }
    },
    async *stream(method, message, signal) {
      const performed = begin(method, message, signal);
      let isOver = false;
      try {
        const reply = await performed.reply;
        for await (const body of reply.kind === "stream" ? reply.frames : [reply.body]) {
          performed.exchange.signal.throwIfAborted();
          yield body.message;
        }
        isOver = true;
        end(performed, "OK");
      } catch (error) {
        isOver = true;
        throw failed(performed, error);
      } finally {
        // Its reader has heard enough.
        if (!isOver) {
          performed.cancel();
          end(performed, "CANCELLED");
        }
      }
    },
  };
}
