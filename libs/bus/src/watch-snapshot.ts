import { setTimeout as wait } from "node:timers/promises";
import { AppError, describeError } from "@agentmesh/errors";
import type { KV, KvWatchEntry } from "@nats-io/kv";
import type { Bus } from "./connect.ts";
import { BEAT_KEY, BEAT_MS, readRow } from "./snapshot-row.ts";
import { SNAPSHOT_BUCKET } from "./streams.ts";

export type SnapshotOptions<T> = {
  readonly topic: string;
  /** A row's JSON as a value; a throw leaves the row as it was and is logged. */
  readonly parse: (value: unknown, key: string) => T;
  /** `get` and `entries` fail when the owner was not heard for this long, in milliseconds. Default: never. */
  readonly maxStaleMs?: number;
  readonly onChange?: (key: string, value: T | undefined) => void;
};

/** A read-only copy in memory of what a service decided. */
export type Snapshot<T> = AsyncDisposable & {
  /** @throws AppError UNAVAILABLE (SNAPSHOT_STALE) beyond `maxStaleMs` */
  get(key: string): T | undefined;
  entries(): IterableIterator<[string, T]>;
  readonly size: number;
  /** Since the owner last said something, in milliseconds; what it said is read from the bucket with its time. */
  readonly ageMs: number;
  /** Resolves when what the bucket held at the start has been read. */
  readonly loaded: Promise<void>;
};

const OPEN_WITHIN_MS = 5_000;
const REWATCH_WAIT_MS = 250;
// A watch does not learn that its bucket was lost and made anew, so after silence it begins again: soon while the owner
// may be beating elsewhere, ever more rarely while it is down.
const MIN_SILENCE_MS = 2.5 * BEAT_MS;
const MAX_SILENCE_MS = 60_000;

/** Watches `<topic>.>` in the snapshot bucket. Lives through the loss of server and bucket with the last known rows. */
export function watchSnapshot<T>(bus: Bus, options: SnapshotOptions<T>): Snapshot<T> {
  const { topic, maxStaleMs } = options;
  // A deleted row keeps its version, so that a late older one does not bring it back.
  const rows = new Map<string, { version: number; value: T | undefined }>();
  const stop = new AbortController();
  const loaded = Promise.withResolvers<void>();
  let heardAtMs = 0;
  let silenceMs = MIN_SILENCE_MS;

  function apply(entry: KvWatchEntry): void {
    heardAtMs = Math.max(heardAtMs, Math.min(Date.now(), entry.created.getTime()));
    if (entry.isUpdate) silenceMs = MIN_SILENCE_MS;
    const key = entry.key.slice(topic.length + 1);
    if (key === BEAT_KEY) return;
    const before = rows.get(key);
    if (entry.operation !== "PUT") {
      rows.delete(key);
      if (before?.value !== undefined) options.onChange?.(key, undefined);
      return;
    }
    const { version, value } = readRow(entry.string());
    // Replicas of the owner may publish out of order; an older version never replaces a newer one.
    if (version < (before?.version ?? 0)) return;
    const parsed = value === undefined ? undefined : options.parse(value, key);
    rows.set(key, { version, value: parsed });
    if (parsed !== undefined || before?.value !== undefined) options.onChange?.(key, parsed);
  }

  async function watchOnce(): Promise<void> {
    const kv = await bus.snapshots();
    const watch = await openWithin(kv.watch({ key: `${topic}.>` }));
    const end = () => watch.stop();
    stop.signal.addEventListener("abort", end, { once: true });
    const silence = setTimeout(() => {
      silenceMs = Math.min(2 * silenceMs, MAX_SILENCE_MS);
      end();
    }, silenceMs);
    try {
      if (stop.signal.aborted) return end();
      if (await isEmpty()) loaded.resolve();
      for await (const entry of watch) {
        silence.refresh();
        try {
          apply(entry);
        } catch (error) {
          bus.log.error(
            { topic, key: entry.key, reason: describeError(error) },
            "snapshot row not understood; kept the last one",
          );
        }
        if (entry.delta === 0) loaded.resolve();
      }
    } finally {
      clearTimeout(silence);
      stop.signal.removeEventListener("abort", end);
      end();
    }
  }

  async function isEmpty(): Promise<boolean> {
    const subject = `$KV.${SNAPSHOT_BUCKET}.${topic}.>`;
    const { state } = await bus.jsm.streams.info(`KV_${SNAPSHOT_BUCKET}`, { subjects_filter: subject });
    return Object.keys(state.subjects ?? {}).length === 0;
  }

  async function watchForever(): Promise<void> {
    while (!stop.signal.aborted) {
      await watchOnce().catch((error) =>
        bus.log.warn({ topic, reason: describeError(error) }, "snapshot watch interrupted"),
      );
      await wait(REWATCH_WAIT_MS, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  }

  function assertFresh(): void {
    if (maxStaleMs === undefined || Date.now() - heardAtMs <= maxStaleMs) return;
    throw new AppError("UNAVAILABLE", `the ${topic} snapshot is older than ${maxStaleMs} ms; its owner was not heard`, {
      reason: "SNAPSHOT_STALE",
      retryAfterMs: 1000,
    });
  }

  function* present(): IterableIterator<[string, T]> {
    for (const [key, { value }] of rows) if (value !== undefined) yield [key, value];
  }

  const running = watchForever();
  return {
    get(key) {
      assertFresh();
      return rows.get(key)?.value;
    },
    entries() {
      assertFresh();
      return present();
    },
    get size() {
      return [...present()].length;
    },
    get ageMs() {
      return Date.now() - heardAtMs;
    },
    loaded: loaded.promise,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}

/** A watch that does not open in time is given up and tried again; one that opens late is ended. */
async function openWithin(opening: Promise<KvWatch>): Promise<KvWatch> {
  const late = new AbortController();
  const bound = wait(OPEN_WITHIN_MS, undefined, { signal: late.signal }).then(() => {
    void opening.then((watch) => watch.stop()).catch(() => undefined);
    throw new AppError("UNAVAILABLE", `the watch did not open within ${OPEN_WITHIN_MS} ms`);
  });
  try {
    return await Promise.race([opening, bound]);
  } finally {
    bound.catch(() => undefined);
    late.abort();
  }
}

type KvWatch = Awaited<ReturnType<KV["watch"]>>;
