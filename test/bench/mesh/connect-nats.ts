import { connect, type NatsConnection } from "@nats-io/transport-node";

/** @param url nats://user:password@host:port */
export async function connectNats(url: string): Promise<NatsConnection> {
  const { host, username, password } = new URL(url);
  const credentials = username ? { user: decodeURIComponent(username), pass: decodeURIComponent(password) } : {};
  return await connect({ servers: host, ...credentials, name: "bench" });
}
