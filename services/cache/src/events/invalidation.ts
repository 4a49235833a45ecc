import { describeError } from "@agentmesh/errors";
import { CacheInvalidated } from "@agentmesh/proto/cache";
import { headers, type Msg } from "@nats-io/transport-node";
import type { Context } from "../context.ts";
import type { Scope } from "../domain/scope.ts";

// Core NATS and not a stream: replicas also read epochs from Redis, so a hint that is lost costs half a second.
const SUBJECT = "hint.cache.invalidated";
const TENANT_HEADER = "agentmesh-tenant";

/** Tells all replicas at once that a scope's epoch was raised. */
export function publishInvalidation({ bus, log }: Context, tenant: string, scope: Scope, epoch: number): void {
  const carried = headers();
  carried.set(TENANT_HEADER, encodeURIComponent(tenant));
  const message = CacheInvalidated.fromPartial({ scope, epoch: BigInt(epoch) });
  try {
    bus.nc.publish(SUBJECT, CacheInvalidated.encode(message).finish(), { headers: carried });
  } catch (error) {
    log.warn({ scope, reason: describeError(error) }, "invalidation hint not sent; replicas learn of it by themselves");
  }
}

/** Listens for the hints of all replicas, our own included. */
export function onCacheInvalidated({ bus, epochs, log }: Context): Disposable {
  function hear(message: Msg): void {
    try {
      const tenant = message.headers?.get(TENANT_HEADER);
      if (tenant) epochs.forget(decodeURIComponent(tenant), CacheInvalidated.decode(message.data).scope);
    } catch (error) {
      log.warn({ reason: describeError(error) }, "invalidation hint not understood");
    }
  }
  const subscription = bus.nc.subscribe(SUBJECT, {
    callback: (error, message) => {
      if (error) log.warn({ reason: describeError(error) }, "invalidation hints interrupted");
      else hear(message);
    },
  });
  return { [Symbol.dispose]: () => subscription.unsubscribe() };
}
