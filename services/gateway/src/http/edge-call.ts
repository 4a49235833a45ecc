import type { IncomingMessage, ServerResponse } from "node:http";
import type { Context } from "../context.ts";
import { failureOf, type Incoming, limitHeaders, type Performed, perform } from "../perform.ts";
import { bodyOfMessage } from "../pipeline/body.ts";
import type { RoutedMethod } from "../routes.ts";
import { headerOf } from "./headers.ts";

/**
 * Calls of the contract on behalf of one request, for surfaces whose own words do not stand for one call each. Every call
 * passes the whole pipeline by itself; all of them end when the caller goes away.
 */
export type EdgeCall = {
  /** @throws AppError of the pipeline or of the owner */
  unary(method: RoutedMethod, message: unknown): Promise<unknown>;
  /** @param signal ends it as if the caller had gone away */
  stream(method: RoutedMethod, message: unknown, signal?: AbortSignal): AsyncGenerator<unknown>;
};

export type EdgeCaller = Pick<Incoming, "surface" | "remoteAddress" | "header"> & {
  readonly begun: (performed: Performed) => void;
  readonly ended: (performed: Performed) => void;
};

/** Calls for a request over HTTP. @param streams what a shutdown ends */
export function openEdgeCall(
  context: Context,
  streams: Set<() => void>,
  incoming: IncomingMessage,
  response: ServerResponse,
): EdgeCall {
  const open = new Set<Performed>();
  response.once("close", () => {
    if (!response.writableFinished) for (const { cancel } of open) cancel();
  });
  return createEdgeCall(context, {
    surface: "http",
    remoteAddress: incoming.socket.remoteAddress ?? "",
    header: headerOf(incoming),
    begun(performed) {
      open.add(performed);
      streams.add(performed.cancel);
    },
    /** The last call's headers are the response's. */
    ended(performed) {
      open.delete(performed);
      streams.delete(performed.cancel);
      if (response.headersSent) return;
      for (const [name, value] of limitHeaders(performed.exchange)) response.setHeader(name, value);
      response.setHeader("x-request-id", performed.exchange.requestId);
    },
  });
}

export function createEdgeCall(context: Context, { begun, ended, ...caller }: EdgeCaller): EdgeCall {
  function begin(method: RoutedMethod, message: unknown): Performed {
    const performed = perform(context, { ...caller, method, request: bodyOfMessage(method.request, message) });
    begun(performed);
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
    async unary(method, message) {
      const performed = begin(method, message);
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
      const performed = begin(method, message);
      signal?.addEventListener("abort", performed.cancel, { once: true });
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
