import { describeError } from "@agentmesh/errors";
import type { Database } from "@agentmesh/postgres";
import type { JsMsg } from "@nats-io/jetstream";

/** Keeps a message that cannot be applied, once however often it is delivered. */
export async function bury(db: Database, durable: string, message: JsMsg, error: unknown): Promise<void> {
  const carried: Record<string, string> = {};
  for (const [name, [value = ""]] of message.headers ?? []) carried[storable(name)] = storable(value);
  const { stream, timestampNanos, deliveryCount } = message.info;
  await db.query(
    `INSERT INTO dead_letter (consumer, msg_id, subject, headers, body, reason, deliveries)
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
    [
      durable,
      // A stream that was made anew counts from 1 again; the time tells its messages from those of the old one.
      `${stream}:${message.seq}:${timestampNanos}`,
      storable(message.subject),
      JSON.stringify(carried),
      Buffer.from(message.data),
      storable(describeError(error)),
      deliveryCount,
    ],
  );
}

/** PostgreSQL's text and jsonb hold every character but NUL. */
function storable(text: string): string {
  return text.replaceAll("\0", "\ufffd");
}
