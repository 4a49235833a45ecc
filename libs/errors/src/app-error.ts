/**
 * The closed set of codes. Names and meanings are gRPC's, so that the edge maps one to one; what is finer than a code
 * goes into `reason`.
 */
export const errorCodes = [
  "INVALID_ARGUMENT",
  "UNAUTHENTICATED",
  "PERMISSION_DENIED",
  "NOT_FOUND",
  "CONFLICT",
  "FAILED_PRECONDITION",
  "RESOURCE_EXHAUSTED",
  "DEADLINE_EXCEEDED",
  "CANCELLED",
  "UNAVAILABLE",
  "UNIMPLEMENTED",
  "DATA_LOSS",
  "INTERNAL",
] as const;

export type ErrorCode = (typeof errorCodes)[number];

export type AppErrorOptions = {
  /** A machine-readable word finer than the code, for instance `TOKEN_EXPIRED`. Upper snake case. */
  readonly reason?: string;
  /** The field that is wrong, as the caller wrote it: `spec.steps[2].dependsOn`. */
  readonly field?: string;
  /** When trying again may help, in milliseconds. */
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
};

/** What crosses the wire of an error. Causes and stacks stay at home. */
export type ErrorWire = {
  readonly code: ErrorCode;
  readonly message: string;
  readonly reason?: string;
  readonly field?: string;
  readonly retryAfterMs?: number;
};

/**
 * The one error type of the mesh. The message is for people: it names the thing, the value, what was expected and what
 * to do.
 */
export class AppError extends Error {
  override readonly name = "AppError";
  readonly code: ErrorCode;
  readonly reason: string | undefined;
  readonly field: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.reason = options.reason;
    this.field = options.field;
    this.retryAfterMs = options.retryAfterMs;
  }

  /** Whether the same request may succeed later without a change. */
  get retryable(): boolean {
    return this.code === "UNAVAILABLE" || this.code === "RESOURCE_EXHAUSTED" || this.code === "DEADLINE_EXCEEDED";
  }

  toWire(): ErrorWire {
    return {
      code: this.code,
      message: this.message,
      ...(this.reason === undefined ? {} : { reason: this.reason }),
      ...(this.field === undefined ? {} : { field: this.field }),
      ...(this.retryAfterMs === undefined ? {} : { retryAfterMs: this.retryAfterMs }),
    };
  }
}
