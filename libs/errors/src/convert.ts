import { AppError } from "./app-error.ts";

const NETWORK_CODES = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
]);

export function isAppError(error: unknown): error is AppError {
  return error instanceof AppError;
}

/**
 * Any thrown value as an AppError, with the operation that failed in front of the message.
 *
 * An AppError keeps its code; an abort is CANCELLED, a timeout DEADLINE_EXCEEDED, a network failure UNAVAILABLE, and
 * everything else INTERNAL.
 */
export function toAppError(error: unknown, operation?: string): AppError {
  const prefix = operation ? `${operation}: ` : "";
  if (error instanceof AppError) {
    if (!operation) return error;
    return new AppError(error.code, prefix + error.message, optionsOf(error));
  }
  const message = prefix + describeError(error);
  if (error instanceof Error) {
    if (error.name === "AbortError") return new AppError("CANCELLED", message, { cause: error });
    if (error.name === "TimeoutError") return new AppError("DEADLINE_EXCEEDED", message, { cause: error });
    if ("code" in error && typeof error.code === "string" && NETWORK_CODES.has(error.code)) {
      return new AppError("UNAVAILABLE", message, { cause: error });
    }
  }
  return new AppError("INTERNAL", message, { cause: error });
}

function optionsOf(error: AppError) {
  return {
    ...(error.reason === undefined ? {} : { reason: error.reason }),
    ...(error.field === undefined ? {} : { field: error.field }),
    ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
    cause: error,
  };
}

/** One line for a person; an AggregateError names its parts, which `message` alone hides. */
export function describeError(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) {
    return [...new Set(error.errors.map(describeError))].join("; ");
  }
  if (error instanceof Error) return error.message || error.name;
  return String(error);
}
