import { AppError } from "@agentmesh/errors";
import { requirePermission } from "@agentmesh/identity";
import type { Stage } from "./exchange.ts";

/** Whether the caller may: deny by default. The owner of the method checks the same again. */
export const authorise: Stage = async (_context, { method, caller }, next) => {
  if (method.access === "PUBLIC") return next();
  if (!caller)
    throw new AppError("UNAUTHENTICATED", `${method.path} was reached by nobody`, { reason: "NO_CREDENTIAL" });
  requirePermission(caller.principal, method.permission);
  return next();
};
