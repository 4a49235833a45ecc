import { describeError } from "@agentmesh/errors";
import type { Bus } from "./connect.ts";

export type SnapshotRow = {
  /** Tokens of a subject: `acme.classifier`. */
  readonly key: string;
  readonly version: number;
  /** JSON; undefined: the key is gone. */
  readonly value: unknown;
};

export type SnapshotPublisher = AsyncDisposable & {
  /** After the commit of a change. Failing is no harm: the beat compares and repairs. */
  put(row: SnapshotRow): Promise<void>;
};

/** How often the owner says that it lives and nothing changed; readers measure staleness against it. */
export const BEAT_MS = 2_000;
const BEAT_KEY = "_beat";

/**
 * Publishes the owner's snapshot rows to KV under `<topic>.<key>` and keeps beating. The database is the truth: rows
 * are loaded and published again at start and whenever the bucket turns out to be younger than what we wrote.
 */
export async function publishSnapshots(
  bus: Bus,
  topic: string,
  load: () => Promise<readonly SnapshotRow[]>,
): Promise<SnapshotPublisher> {
  let lastRevision = 0;
  let beating = Promise.resolve();

  async function put(row: SnapshotRow): Promise<void> {
    const kv = await bus.snapshots();
    const { version, value } = row;
    lastRevision = await kv.put(`${topic}.${row.key}`, JSON.stringify({ version, value }));
  }

  async function publishAll(): Promise<void> {
    for (const row of await load()) await put(row);
  }

  async function beat(): Promise<void> {
    const kv = await bus.snapshots();
    const revision = await kv.put(`${topic}.${BEAT_KEY}`, String(Date.now()));
    const lost = revision < lastRevision;
    lastRevision = revision;
    if (lost) await publishAll();
  }

  async function tryBeat(): Promise<void> {
    try {
      await beat();
    } catch (error) {
      bus.log.warn({ topic, reason: describeError(error) }, "snapshot beat failed");
      lastRevision = Number.MAX_SAFE_INTEGER;
    }
  }

  await publishAll();
  await tryBeat();
  const timer = setInterval(() => {
    beating = beating.then(tryBeat);
  }, BEAT_MS);
  return {
    put,
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await beating;
    },
  };
}
