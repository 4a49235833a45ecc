import type { ServerResponse } from "node:http";
import { type AppError, toAppError } from "@agentmesh/errors";
import { orchestratorContract } from "@agentmesh/proto/orchestrator.contract";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import { publicMessage } from "../perform.ts";
import type { Reply } from "../pipeline/exchange.ts";
import type { RoutedMethod } from "../routes.ts";
import { HttpError } from "./http-error.ts";
import { errorEvent, writeEvents } from "./sse.ts";

/** How a surface of HTTP says what came of a request. */
export type Rendering = {
  /** Writes a reply to its end. @throws what its frames throw */
  reply(response: ServerResponse, reply: Reply, signal: AbortSignal): Promise<void>;
  /** The body of a refusal. */
  errorBody(error: AppError, status: number, requestId: string): object;
  /** What ends a stream that has begun. */
  errorFrame(body: object): string;
  /** Whether the reader of a stream can go on where it ended, at any replica. Default false. */
  readonly isResumable?: boolean;
};

/** Streams whose frames have a `seq` to go on after, with `Last-Event-ID`. */
const RESUMABLE: ReadonlySet<string> = new Set([
  runnerContract.methods.streamAgent.path,
  runnerContract.methods.resumeAgentRun.path,
  orchestratorContract.methods.watchRun.path,
]);

/** The contract's own JSON, and its frames as Server-Sent Events. */
export function contractRendering(method: RoutedMethod): Rendering {
  return {
    async reply(response, reply, signal) {
      if (reply.kind === "unary") {
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify(method.response.toJSON(reply.body.message)));
        return;
      }
      beginEvents(response);
      await writeEvents(response, method, reply.frames, signal);
      response.end();
    },
    isResumable: method.serverStreaming && RESUMABLE.has(method.path),
    ...meshErrors,
  };
}

/** Errors as the mesh tells them. */
export const meshErrors: Pick<Rendering, "errorBody" | "errorFrame"> = {
  errorBody: (error, _status, requestId) => ({
    error: { ...error.toWire(), message: publicMessage(error), requestId },
  }),
  errorFrame: errorEvent,
};

export function beginEvents(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/event-stream", "x-accel-buffering": "no" });
}

export function errorOf(cause: unknown): AppError {
  return cause instanceof HttpError ? cause.error : toAppError(cause);
}
