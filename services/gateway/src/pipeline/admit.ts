import { type Stage, tenantOf } from "./exchange.ts";

/** A place among the calls under way, tenants in turn. A stream gives its place back when it begins: it may last for hours. */
export const admit: Stage = async (context, exchange, next) => {
  const leave = await context.admission.enter(tenantOf(exchange), exchange.signal);
  try {
    return await next();
  } finally {
    leave();
  }
};
