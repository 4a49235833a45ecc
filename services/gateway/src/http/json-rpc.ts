import { type AppError, toAppError } from "@agentmesh/errors";
import { z } from "zod";
import { publicMessage } from "../perform.ts";
import { HttpError } from "./http-error.ts";
import type { Rendering } from "./rendering.ts";

/** A JSON-RPC 2.0 request; without an id it is a notification, which is not answered. */
export type RpcRequest = z.infer<typeof request>;
export type RpcId = string | number | null;

const request = z.object({
  jsonrpc: z.literal("2.0"),
  id: z.union([z.string().max(256), z.int()]).optional(),
  method: z.string().max(128),
  params: z.record(z.string(), z.unknown()).optional(),
});

export const INVALID_REQUEST = -32_600;
export const METHOD_NOT_FOUND = -32_601;
export const INVALID_PARAMS = -32_602;
export const INTERNAL_ERROR = -32_603;
export const SERVER_ERROR = -32_000;

/** A failure that JSON-RPC has a code for. */
export class RpcError extends Error {
  override readonly name = "RpcError";
  readonly code: number;
  readonly data: unknown;

  constructor(code: number, message: string, data?: unknown) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

/** @throws RpcError INVALID_REQUEST */
export function readRpc(body: unknown): RpcRequest {
  const read = request.safeParse(body);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw new RpcError(INVALID_REQUEST, `not a JSON-RPC 2.0 request: ${issue?.path.join(".")}: ${issue?.message}`);
}

export function rpcResult(id: RpcId, result: unknown) {
  return { jsonrpc: "2.0", id, result };
}

export function rpcFailure(id: RpcId, { code, message, data }: RpcError) {
  return { jsonrpc: "2.0", id, error: { code, message, ...(data !== undefined && { data }) } };
}

/** What HTTP itself says: who is not known, and who is to come back later. All else is JSON-RPC's to say. */
const OF_HTTP: ReadonlySet<string> = new Set(["UNAUTHENTICATED", "RESOURCE_EXHAUSTED", "UNAVAILABLE"]);

/** @throws what HTTP has a status for */
export function toRpcError(cause: unknown, codeOf: (error: AppError) => number = () => SERVER_ERROR): RpcError {
  if (cause instanceof RpcError) return cause;
  if (cause instanceof HttpError) throw cause;
  const error = toAppError(cause);
  if (OF_HTTP.has(error.code) || error.code === "INTERNAL") throw error;
  const data = { code: error.code, ...(error.reason && { reason: error.reason }) };
  return new RpcError(codeOf(error), publicMessage(error), data);
}

/** Refusals that have a status, as JSON-RPC says them. */
export const rpcErrors: Pick<Rendering, "errorBody" | "errorFrame"> = {
  errorBody: (error, _status, requestId) =>
    rpcFailure(
      null,
      new RpcError(error.code === "INTERNAL" ? INTERNAL_ERROR : SERVER_ERROR, publicMessage(error), {
        code: error.code,
        ...(error.reason && { reason: error.reason }),
        requestId,
      }),
    ),
  errorFrame: (body) => `data: ${JSON.stringify(body)}\n\n`,
};
