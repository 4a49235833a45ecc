import { AppError } from "@agentmesh/errors";

/** A workflow that cannot run: the field, what is wrong with it, what to do. */
export function invalid(field: string, message: string): AppError {
  return new AppError("INVALID_ARGUMENT", `${field}: ${message}`, { reason: "BAD_WORKFLOW", field });
}

/** Puts the field in front of what a lower part complains about. */
export function named<T>(field: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof AppError) || error.field) throw error;
    throw invalid(field, error.message);
  }
}
