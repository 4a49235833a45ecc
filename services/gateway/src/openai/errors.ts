import type { AppError, ErrorCode } from "@agentmesh/errors";
import type { Rendering } from "../http/rendering.ts";
import { publicMessage } from "../perform.ts";

/** What OpenAI's clients tell errors apart by, beside the status. */
const TYPES: Partial<Record<ErrorCode, string>> = {
  INVALID_ARGUMENT: "invalid_request_error",
  NOT_FOUND: "invalid_request_error",
  FAILED_PRECONDITION: "invalid_request_error",
  CONFLICT: "invalid_request_error",
  UNAUTHENTICATED: "authentication_error",
  PERMISSION_DENIED: "permission_error",
  RESOURCE_EXHAUSTED: "rate_limit_error",
};

/** Errors in the shape of OpenAI's API: `{ error: { message, type, param, code } }`. */
export const openAiErrors: Pick<Rendering, "errorBody" | "errorFrame"> = {
  errorBody: (error, _status, requestId) => ({ error: { ...describe(error), request_id: requestId } }),
  errorFrame: (body) => `data: ${JSON.stringify(body)}\n\n`,
};

function describe(error: AppError) {
  return {
    message: publicMessage(error),
    type: TYPES[error.code] ?? "server_error",
    param: error.field || null,
    code: errorCodeOf(error),
  };
}

export function errorCodeOf(error: AppError): string {
  return (error.reason ?? error.code).toLowerCase();
}
