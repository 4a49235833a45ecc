import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import type { FaultMesh } from "./fault-mesh.ts";

/** Looks into JetStream as the administrator. */
export async function withStreams<T>({ mesh }: FaultMesh, look: (manager: JetStreamManager) => Promise<T>): Promise<T> {
  const { host, username, password } = new URL(mesh.natsUrl);
  const nc = await connect({ servers: host, user: username, pass: decodeURIComponent(password) });
  try {
    return await look(await jetstreamManager(nc));
  } finally {
    await nc.close();
  }
}
