import { AppError } from "@agentmesh/errors";
import type { Stage } from "./exchange.ts";

/** Who asks. Methods marked PUBLIC need no answer; their callers stay anonymous even when they send a credential. */
export const authenticate: Stage = async (context, exchange, next) => {
  if (exchange.method.access === "PUBLIC") return next();
  if (!exchange.credential) {
    throw new AppError(
      "UNAUTHENTICATED",
      `${exchange.method.path} needs a credential; send "authorization: Bearer <access token>" or "x-api-key"`,
      { reason: "NO_CREDENTIAL" },
    );
  }
  exchange.caller = await context.callers.identify(exchange.credential, exchange.remoteAddress);
  return next();
};
