import { describeError } from "@agentmesh/errors";
import type { Database, Transaction } from "@agentmesh/postgres";
import type { Bus } from "./connect.ts";
import { onWake } from "./relay-wake.ts";
import { restoreLost } from "./restore-lost.ts";

export type Relay = AsyncDisposable & {
  /** Publishes what is there now; for drain and tests. */
  flush(): Promise<void>;
};

type OutboxRow = { id: bigint; msg_id: string; subject: string; headers: Record<string, string>; body: Buffer };

// Another replica's rows, or ours after a crash, are found within this time; our own wake us after their commit.
const SWEEP_MS = 1000;
const MAX_BATCH = 500;
const CHECK_MS = 5000;

/**
 * Publishes the outbox to JetStream. What the server acknowledged is kept aside for a while, to be published again
 * should the stream be lost; what it refused stays and is tried again without holding the rest up. Several replicas
 * share the work by SKIP LOCKED. When the process dies between the acknowledgement and the commit, the message goes out
 * again under the same id and the consumer's inbox drops it.
 */
export function startRelay(bus: Bus, db: Database): Relay {
  let stopped = false;
  let wake = () => {};
  let pending = false;
  let stream: string | undefined;
  let checkedAtMs = 0;
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
    if (stream === undefined || Date.now() - checkedAtMs >= CHECK_MS) {
      stream = await restoreLost(bus, db);
      checkedAtMs = Date.now();
    }
    const made = stream;
    for (;;) {
      const { tried, refused } = await db.transaction((tx) => publishBatch(bus, tx, made));
      if (refused) throw refused.reason;
      if (tried < MAX_BATCH) return;
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
      // While the server is away the rows stay for another replica, or for the next start.
      if (!bus.connected) return;
      await flush().catch((error) =>
        bus.log.warn({ reason: describeError(error) }, "outbox not flushed while stopping"),
      );
    },
  };
}

type Published = { readonly tried: number; readonly refused: PromiseRejectedResult | undefined };

async function publishBatch(bus: Bus, tx: Transaction, stream: string): Promise<Published> {
  const { rows } = await tx.query<OutboxRow>(
    "SELECT id, msg_id, subject, headers, body FROM outbox ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED",
    [MAX_BATCH],
  );
  const outcomes = await Promise.allSettled(
    rows.map((row) => bus.publish(row.subject, row.body, { messageId: row.msg_id, headers: row.headers })),
  );
  const ids: bigint[] = [];
  const places: number[] = [];
  for (const [index, outcome] of outcomes.entries()) {
    const id = rows[index]?.id;
    if (id === undefined || outcome.status === "rejected") continue;
    ids.push(id);
    places.push(outcome.value.seq);
  }
  if (ids.length > 0) await keepAside(tx, stream, ids, places);
  return { tried: rows.length, refused: outcomes.find((outcome) => outcome.status === "rejected") };
}

/** Work messages are not kept: their stream forgets them when they are done, and the orchestrator sends them again. */
async function keepAside(tx: Transaction, stream: string, ids: readonly bigint[], places: readonly number[]) {
  await tx.query(
    `WITH sent AS (DELETE FROM outbox WHERE id = ANY($1::bigint[]) RETURNING id, msg_id, subject, headers, body)
     INSERT INTO outbox_sent (id, msg_id, subject, headers, body, stream_made, stream_seq)
     SELECT id, msg_id, subject, headers, body, $3, seq
     FROM sent JOIN unnest($1::bigint[], $2::bigint[]) AS place (id, seq) USING (id)
     WHERE subject LIKE 'evt.%'`,
    [ids, places, stream],
  );
}
