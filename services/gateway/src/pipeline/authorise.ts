import { AppError } from "@agentmesh/errors";
import { narrowCall, requireRule } from "@agentmesh/rpc";
import type { Stage } from "./exchange.ts";

/**
 * Whether the caller may, and on what the request names: deny by default. The owner of the method checks the same again,
 * and alone what only it knows: to what a run belongs, and which entries of a list a caller may see.
 */
export const authorise: Stage = async (_context, exchange, next) => {
  const { method, caller } = exchange;
  if (method.access === "PUBLIC") return next();
  if (!caller)
    throw new AppError("UNAUTHENTICATED", `${method.path} was reached by nobody`, { reason: "NO_CREDENTIAL" });
  const { principal } = caller;
  requireRule(principal, method);
  // Only for those whose permission is limited is the message looked into.
  if (!principal.permissions.has(method.permission)) narrowCall(principal, method, exchange.request.message);
  return next();
};
