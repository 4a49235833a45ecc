import { AppError, describeError } from "@agentmesh/errors";
import { JetStreamApiCodes, JetStreamApiError } from "@nats-io/jetstream";
import type { KV, KvEntry } from "@nats-io/kv";
import type { Bus } from "./connect.ts";
import { BEAT_KEY, BEAT_MS, readRow } from "./snapshot-row.ts";

export type SnapshotRow = {
  /** Tokens of a subject: `acme.classifier`. */
  readonly key: string;
  /** Grows with each change of the row, also over its deletion; an older one is never published over a newer one. */
  readonly version: number;
  /** JSON; undefined: the key is gone. */
  readonly value: unknown;
};

export type SnapshotPublisher = AsyncDisposable & {
  /** After the commit of a change. Failing is no harm: the beat publishes all rows again. */
  put(row: SnapshotRow): Promise<void>;
};

const MAX_PUT_TRIES = 10;
const MAX_PARALLEL_PUTS = 50;

/**
 * Publishes the owner's snapshot rows to KV under `<topic>.<key>` and keeps beating. The database is the truth: rows
 * are loaded and published again at start, after a put that failed, and whenever the bucket was lost or purged.
 */
export async function publishSnapshots(
  bus: Bus,
  topic: string,
  load: () => Promise<readonly SnapshotRow[]>,
): Promise<SnapshotPublisher> {
  const beatKey = `${topic}.${BEAT_KEY}`;
  let complete = false;
  let beating = Promise.resolve();

  async function publishAll(kv: KV): Promise<void> {
    const rows = await load();
    for (let from = 0; from < rows.length; from += MAX_PARALLEL_PUTS) {
      await Promise.all(rows.slice(from, from + MAX_PARALLEL_PUTS).map((row) => putRow(kv, topic, row)));
    }
  }

  async function beat(): Promise<void> {
    const kv = await bus.snapshots();
    // The beat is written last, so where it is missing the rows may be missing as well.
    const wasComplete = complete && (await kv.get(beatKey)) !== null;
    complete = true;
    try {
      if (!wasComplete) await publishAll(kv);
      await kv.put(beatKey, String(Date.now()));
    } catch (error) {
      complete = false;
      throw error;
    }
  }

  await beat();
  const timer = setInterval(() => {
    beating = beating.then(beat).catch((error) => {
      bus.log.warn({ topic, reason: describeError(error) }, "snapshot beat failed");
    });
  }, BEAT_MS);
  return {
    async put(row) {
      try {
        await putRow(await bus.snapshots(), topic, row);
      } catch (error) {
        complete = false;
        throw error;
      }
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await beating;
    },
  };
}

/** Puts a row over what is there unless that is newer: another replica may have been faster with a later change. */
async function putRow(kv: KV, topic: string, row: SnapshotRow): Promise<void> {
  const key = `${topic}.${row.key}`;
  const text = JSON.stringify({ version: row.version, value: row.value });
  for (let tries = 0; tries < MAX_PUT_TRIES; tries++) {
    const held = await kv.get(key);
    if (held?.string() === text || versionOf(held) > row.version) return;
    try {
      await kv.put(key, text, { previousSeq: held?.revision ?? 0 });
      return;
    } catch (error) {
      if (!isOvertaken(error)) throw error;
    }
  }
  throw new AppError("CONFLICT", `the snapshot row ${key} was changed by others ${MAX_PUT_TRIES} times in a row`);
}

function versionOf(held: KvEntry | null): number {
  try {
    return held?.operation === "PUT" ? readRow(held.string()).version : 0;
  } catch {
    return 0;
  }
}

function isOvertaken(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamWrongLastSequence;
}
