import { AppError, type ErrorCode } from "@agentmesh/errors";
import { statusOf } from "./http-status.ts";

/** An answer, and not the lack of one. What broke, or took too long, may have had its effect. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "INVALID_ARGUMENT",
  "UNAUTHENTICATED",
  "PERMISSION_DENIED",
  "NOT_FOUND",
  "CONFLICT",
  "FAILED_PRECONDITION",
  "RESOURCE_EXHAUSTED",
  "UNIMPLEMENTED",
]);
/** Not found: an MCP server that was restarted and knows no session. Too many requests. */
const REFUSING: ReadonlySet<number | undefined> = new Set([404, 429]);

/** Whether a call that failed says by that that it had no effect: the other system refused it. */
export function saysNotMade(error: unknown): boolean {
  if (!(error instanceof AppError)) return false;
  if (REFUSING.has(statusOf(error))) return true;
  // It did what it was asked and then answered more than is read.
  return REFUSALS.has(error.code) && error.reason !== "TOO_LARGE";
}
