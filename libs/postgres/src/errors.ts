import { AppError } from "@agentmesh/errors";

function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** Serialization failure, deadlock or stale plan: the same transaction may succeed when run again. */
export function isTransient(error: unknown): boolean {
  const state = sqlState(error);
  return state === "40001" || state === "40P01" || isStalePlan(error);
}

/** A prepared statement's table got other columns since; only the server's routine tells it from other 0A000. */
export function isStalePlan(error: unknown): boolean {
  return (
    sqlState(error) === "0A000" &&
    error instanceof Error &&
    "routine" in error &&
    error.routine === "RevalidateCachedQuery"
  );
}

/** The connection is of no use any more, so that not even a ROLLBACK would be answered. */
export function isLost(error: unknown): error is Error {
  const failure = toDatabaseError(error);
  return failure instanceof AppError && failure.reason === UNAVAILABLE_REASON;
}

/** A unique constraint refused a row; with a name, only that constraint. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  if (sqlState(error) !== "23505") return false;
  if (constraint === undefined) return true;
  return error instanceof Error && "constraint" in error && error.constraint === constraint;
}

// Class 08: connection; 57P0x: shutdown, crash, starting up; 53: out of connections, memory or disk.
const UNAVAILABLE = /^(08...|57P0[123]|53...|ECONN.*|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|ENOENT)$/;
// node-postgres reports these without a code.
const LOST_CONNECTION =
  /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Query read timeout/;
const UNAVAILABLE_REASON = "DATABASE_UNAVAILABLE";

/** A failure of the server or the way to it becomes UNAVAILABLE; everything else is passed on as it is. */
export function toDatabaseError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof AppError) return error;
  const state = sqlState(error);
  if ((state && UNAVAILABLE.test(state)) || LOST_CONNECTION.test(error.message)) {
    return new AppError("UNAVAILABLE", `PostgreSQL did not answer: ${error.message || state}`, {
      reason: UNAVAILABLE_REASON,
      retryAfterMs: 1000,
      cause: error,
    });
  }
  if (state === "57014") {
    return new AppError("DEADLINE_EXCEEDED", `PostgreSQL stopped a statement: ${error.message}`, { cause: error });
  }
  return error;
}
