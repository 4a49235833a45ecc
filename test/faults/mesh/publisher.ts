import { type JetStreamClient, jetstream } from "@nats-io/jetstream";
import { connect, headers } from "@nats-io/transport-node";
import { persist } from "./persist.ts";

/** Somebody outside who says that something happened. */
export type Publisher = AsyncDisposable & {
  /** Resolves when it is stored; said again under the same id until then. A message id of its own tells nobody that it is known. */
  tell(type: string, id: string, data: object, messageId?: string): Promise<void>;
};

const ackTimeoutMs = 3_000;

/** @param url nats://user:password@host:port of a publisher's account */
export async function openPublisher(url: string, signal?: AbortSignal): Promise<Publisher> {
  const { host, username, password } = new URL(url);
  const nc = await connect({
    servers: host,
    user: decodeURIComponent(username),
    pass: decodeURIComponent(password),
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
  });
  const js = jetstream(nc, { timeout: ackTimeoutMs });
  return {
    tell: (type, id, data, messageId = id) => persist(() => publish(js, type, id, data, messageId), { signal }),
    [Symbol.asyncDispose]: () => nc.close(),
  };
}

async function publish(js: JetStreamClient, type: string, id: string, data: object, msgID: string): Promise<void> {
  const sent = headers();
  const attributes = { specversion: "1.0", id, source: "faults", type, time: new Date().toISOString() };
  for (const [name, value] of Object.entries(attributes)) sent.set(`ce-${name}`, value);
  sent.set("content-type", "application/json");
  await js.publish(`evt.${type}.${id}`, JSON.stringify(data), { headers: sent, msgID });
}
