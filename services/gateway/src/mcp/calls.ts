import { describeError } from "@agentmesh/errors";
import type { Logger } from "@agentmesh/telemetry";
import type { Redis } from "ioredis";
import { z } from "zod";

/** A call as its client knows it: in which session, under which id. */
export type CallKey = { readonly session: string; readonly id: string | number };
/** Who made a call, or wants it stopped. */
export type Who = { readonly tenant: string; readonly subject: string };

export type McpCalls = AsyncDisposable & {
  /** @returns forgets the call */
  begin(key: CallKey, call: UnderWay): () => void;
  /** Stops a call of the same caller, on whichever replica it is. */
  cancel(key: CallKey, who: Who): void;
};

type UnderWay = { readonly who: () => Who | undefined; readonly stop: () => void };

const CHANNEL = "mcp:cancelled";
const told = z.object({
  session: z.string(),
  id: z.union([z.string(), z.number()]),
  tenant: z.string(),
  subject: z.string(),
});

/**
 * Tool calls under way. A notification that one is cancelled is a request of its own and may come to any replica: all are
 * told through Redis. While Redis is down only calls of the same replica are stopped, the others run to their end.
 */
export function openMcpCalls(redis: Redis, log: Logger): McpCalls {
  const calls = new Map<string, UnderWay>();
  let subscriber: Redis | undefined;

  function stop(key: CallKey, { tenant, subject }: Who): boolean {
    const call = calls.get(nameOf(key));
    const who = call?.who();
    if (who?.tenant !== tenant || who.subject !== subject) return false;
    call?.stop();
    return true;
  }

  /** With the first call: a replica that serves no tools needs no connection for them. */
  function listen(): Redis {
    const listener = redis.duplicate({ enableOfflineQueue: true, maxRetriesPerRequest: null });
    listener
      .on("error", () => undefined)
      .on("message", (_channel, text) => {
        const heard = told.safeParse(parsed(text));
        if (heard.success) stop(heard.data, heard.data);
      });
    listener
      .subscribe(CHANNEL)
      .catch((error) => log.warn({ reason: describeError(error) }, "cancellations are not heard"));
    return listener;
  }

  return {
    begin(key, call) {
      subscriber ??= listen();
      const name = nameOf(key);
      calls.set(name, call);
      return () => {
        if (calls.get(name) === call) calls.delete(name);
      };
    },
    cancel(key, who) {
      if (stop(key, who)) return;
      redis
        .publish(CHANNEL, JSON.stringify({ ...key, tenant: who.tenant, subject: who.subject }))
        .catch((error) => log.warn({ reason: describeError(error) }, "a cancellation was not passed on"));
    },
    async [Symbol.asyncDispose]() {
      subscriber?.disconnect();
    },
  };
}

function nameOf({ session, id }: CallKey): string {
  return `${session}\0${typeof id}\0${id}`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
