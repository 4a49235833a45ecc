import { AppError } from "@agentmesh/errors";
import type { Scope } from "../limits/limiter.ts";
import type { Exchange, Stage } from "./exchange.ts";

/** Requests per window, over all replicas, in every scope the request belongs to. */
export const limit: Stage = async (context, exchange, next) => {
  exchange.limit = await context.limiter.take(scopesOf(exchange, context.figures));
  if (!exchange.limit.allowed) {
    const { scope, limit: figure, retryAfterMs } = exchange.limit;
    throw new AppError(
      "RESOURCE_EXHAUSTED",
      `the limit of ${figure} requests per ${context.config.limits.windowMs / 1000} s for ${scope} is used up; try again in ${Math.ceil(retryAfterMs / 1000)} s`,
      { reason: "RATE_LIMITED", retryAfterMs },
    );
  }
  return next();
};

type Figures = { user: number; department: number; tenant: number; address: number };

function scopesOf({ caller, remoteAddress }: Exchange, figures: Figures): Scope[] {
  // The braces put all keys of one request on one node of a Redis cluster, where one script may touch them.
  if (!caller) {
    return [{ name: `address ${remoteAddress}`, key: `limit:{${remoteAddress}}:address`, limit: figures.address }];
  }
  const { tenant, subject, department } = caller.principal;
  const scopes = [{ name: `user ${subject}`, key: `limit:{${tenant}}:user:${subject}`, limit: figures.user }];
  if (department !== "") {
    const key = `limit:{${tenant}}:department:${department}`;
    scopes.push({ name: `department ${department}`, key, limit: figures.department });
  }
  scopes.push({ name: `tenant ${tenant}`, key: `limit:{${tenant}}:tenant`, limit: figures.tenant });
  return scopes;
}
