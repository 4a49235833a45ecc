import { describeError } from "@agentmesh/errors";
import type { Database, Transaction } from "@agentmesh/postgres";
import { headers } from "@nats-io/transport-node";
import type { Bus } from "./connect.ts";
import { onWake } from "./relay-wake.ts";

export type Relay = AsyncDisposable & {
  /** Publishes what is there now; for drain and tests. */
  flush(): Promise<void>;
};

type OutboxRow = { id: bigint; msg_id: string; subject: string; headers: Record<string, string>; body: Buffer };

// Another replica's rows, or ours after a crash, are found within this time; our own wake us after their commit.
const SWEEP_MS = 1000;
const MAX_BATCH = 500;
const PUBLISH_TIMEOUT_MS = 5000;

/**
 * Publishes the outbox to JetStream and deletes what the server acknowledged. Several replicas share the work by
 * SKIP LOCKED. When the process dies between the acknowledgement and the delete, the message goes out again under the
 * same id and the consumer's inbox drops it.
 */
export function startRelay(bus: Bus, db: Database): Relay {
  let stopped = false;
  let wake = () => {};
  let pending = false;
  const subscription = onWake(() => {
    pending = true;
    wake();
  });

  async function idle(): Promise<void> {
    if (pending || stopped) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, SWEEP_MS);
    wake = resolve;
    await promise;
    clearTimeout(timer);
  }

  async function flush(): Promise<void> {
    for (;;) {
      const sent = await db.transaction((tx) => publishBatch(bus, tx));
      if (sent < MAX_BATCH) return;
    }
  }

  async function loop(): Promise<void> {
    while (!stopped) {
      await idle();
      pending = false;
      try {
        await flush();
      } catch (error) {
        if (stopped) return;
        bus.log.warn({ reason: describeError(error) }, "outbox not published; it stays and is tried again");
        await bus.ensureStreams().catch(() => undefined);
        await new Promise((resolve) => setTimeout(resolve, SWEEP_MS / 4));
        pending = true;
      }
    }
  }

  const running = loop();
  return {
    flush,
    async [Symbol.asyncDispose]() {
      stopped = true;
      subscription[Symbol.dispose]();
      wake();
      await running;
      await flush().catch((error) =>
        bus.log.warn({ reason: describeError(error) }, "outbox not flushed while stopping"),
      );
    },
  };
}

async function publishBatch(bus: Bus, tx: Transaction): Promise<number> {
  const { rows } = await tx.query<OutboxRow>(
    "SELECT id, msg_id, subject, headers, body FROM outbox ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED",
    [MAX_BATCH],
  );
  if (rows.length === 0) return 0;
  await Promise.all(rows.map((row) => publishRow(bus, row)));
  await tx.query("DELETE FROM outbox WHERE id = ANY($1)", [rows.map((row) => row.id)]);
  return rows.length;
}

async function publishRow(bus: Bus, row: OutboxRow): Promise<void> {
  const carried = headers();
  for (const [name, value] of Object.entries(row.headers)) carried.set(name, value);
  await bus.js.publish(row.subject, row.body, { msgID: row.msg_id, headers: carried, timeout: PUBLISH_TIMEOUT_MS });
}
