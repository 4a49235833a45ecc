import { AppError } from "@agentmesh/errors";
import type { z } from "zod";

/** Says which field does not fit. */
export function malformed(error: z.ZodError): AppError {
  const [issue] = error.issues;
  const field = issue?.path.reduce<string>(
    (path, part) =>
      typeof part === "number" ? `${path}[${part}]` : path === "" ? String(part) : `${path}.${String(part)}`,
    "",
  );
  return invalid(field ?? "", issue?.message ?? "the body is not what this call takes");
}

export function invalid(field: string, message: string): AppError {
  return new AppError("INVALID_ARGUMENT", `${field}: ${message}`, { reason: "BAD_REQUEST", field });
}

export function unsupported(field: string, why: string): AppError {
  return new AppError("INVALID_ARGUMENT", `${field} is not supported: ${why}`, { reason: "UNSUPPORTED", field });
}

export function noModel(model: string): AppError {
  return new AppError(
    "NOT_FOUND",
    `there is no model ${JSON.stringify(model.slice(0, 80))}; name an agent, agent:NAME (GET /v1/models lists them), a model, provider/model, or default`,
    { reason: "MODEL_NOT_FOUND", field: "model" },
  );
}
