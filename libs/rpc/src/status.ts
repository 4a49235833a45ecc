import { AppError, type ErrorCode, errorCodes, toAppError } from "@agentmesh/errors";
import { Metadata, type ServiceError, type StatusObject, status } from "@grpc/grpc-js";

const TO_GRPC: Record<ErrorCode, status> = {
  INVALID_ARGUMENT: status.INVALID_ARGUMENT,
  UNAUTHENTICATED: status.UNAUTHENTICATED,
  PERMISSION_DENIED: status.PERMISSION_DENIED,
  NOT_FOUND: status.NOT_FOUND,
  CONFLICT: status.ABORTED,
  FAILED_PRECONDITION: status.FAILED_PRECONDITION,
  RESOURCE_EXHAUSTED: status.RESOURCE_EXHAUSTED,
  DEADLINE_EXCEEDED: status.DEADLINE_EXCEEDED,
  CANCELLED: status.CANCELLED,
  UNAVAILABLE: status.UNAVAILABLE,
  UNIMPLEMENTED: status.UNIMPLEMENTED,
  DATA_LOSS: status.DATA_LOSS,
  INTERNAL: status.INTERNAL,
};

const FROM_GRPC = new Map<number, ErrorCode>(errorCodes.map((code) => [TO_GRPC[code], code]));
FROM_GRPC.set(status.ALREADY_EXISTS, "CONFLICT");
FROM_GRPC.set(status.OUT_OF_RANGE, "INVALID_ARGUMENT");

const REASON = "mesh-reason";
const FIELD = "mesh-field";
const RETRY_AFTER = "mesh-retry-after-ms";
/** Read by gRPC itself; negative: the server was reached and answered, so its answer is final for this call. */
const RETRY_PUSHBACK = "grpc-retry-pushback-ms";

// Errors travel in HTTP/2 trailers; one beyond what the peer takes of these ends the whole connection and all its calls.
const MAX_MESSAGE_CHARS = 2000;
const MAX_FIELD_CHARS = 300;

export function statusOf(error: AppError): status {
  return TO_GRPC[error.code];
}

/** Reason, field and retry hint of an error as trailing metadata. */
export function metadataOfError(error: AppError): Metadata {
  const metadata = new Metadata();
  if (error.reason) metadata.set(REASON, error.reason);
  // Metadata values are ASCII; a field path may hold what a user wrote.
  if (error.field) metadata.set(FIELD, encodeURIComponent(clip(error.field, MAX_FIELD_CHARS)));
  if (error.retryAfterMs !== undefined) metadata.set(RETRY_AFTER, String(Math.ceil(error.retryAfterMs)));
  if (error.code === "UNAVAILABLE") metadata.set(RETRY_PUSHBACK, "-1");
  return metadata;
}

/** Shortened, and without half a surrogate pair, which could not be encoded. */
function clip(text: string, maxChars: number): string {
  const whole = text.toWellFormed();
  return whole.length > maxChars ? `${whole.slice(0, maxChars - 1).replace(/[\ud800-\udbff]$/, "")}…` : whole;
}

/** An error's text as trailers carry it: up to a bound, and always encodable. */
export function detailsOf(text: string): string {
  return clip(text, MAX_MESSAGE_CHARS);
}

/** What a server answers: the message goes out as it is, up to a bound, except that INTERNAL hides its detail. */
export function toServiceError(error: unknown): Partial<ServiceError> {
  const failure = toAppError(error);
  const details =
    failure.code === "INTERNAL"
      ? "an internal error occurred; the service's log has the detail under the same trace id"
      : detailsOf(failure.message);
  return { code: statusOf(failure), details, metadata: metadataOfError(failure) };
}

/** Whether a server of the mesh answered so, and not the connection to it broke. */
export function isSaidByServer({ metadata }: StatusObject): boolean {
  return metadata.get(RETRY_PUSHBACK).length > 0;
}

/** What a client got: the peer's AppError as it was. */
export function errorFromStatus(error: ServiceError | StatusObject, operation: string): AppError {
  const code = FROM_GRPC.get(error.code) ?? "INTERNAL";
  const reason = textOf(error.metadata, REASON);
  const field = textOf(error.metadata, FIELD);
  const retryAfter = textOf(error.metadata, RETRY_AFTER);
  const message = reason || code !== "UNAVAILABLE" ? error.details : `${operation}: ${error.details}`;
  return new AppError(code, message || `${operation} failed`, {
    ...(reason && { reason }),
    ...(field && { field: decodeURIComponent(field) }),
    ...(retryAfter && { retryAfterMs: Number(retryAfter) }),
    ...(error instanceof Error && { cause: error }),
  });
}

function textOf(metadata: Metadata | undefined, name: string): string | undefined {
  const [value] = metadata?.get(name) ?? [];
  return value === undefined ? undefined : String(value);
}
