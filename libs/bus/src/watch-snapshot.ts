import { setTimeout as wait } from "node:timers/promises";
import { AppError, describeError } from "@agentmesh/errors";
import type { Bus } from "./connect.ts";

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
  /** Since the owner was last heard, in milliseconds. */
  readonly ageMs: number;
  /** Resolves when what the bucket held at the start has been read. */
  readonly loaded: Promise<void>;
};

const REWATCH_WAIT_MS = 250;

/** Watches `<topic>.>` in the snapshot bucket. Lives through the loss of server and bucket with the last known rows. */
export function watchSnapshot<T>(bus: Bus, options: SnapshotOptions<T>): Snapshot<T> {
  const { topic, maxStaleMs } = options;
  const rows = new Map<string, { version: number; value: T }>();
  const stop = new AbortController();
  const loaded = Promise.withResolvers<void>();
  let heardAtMs = 0;

  function apply(key: string, text: string | undefined): void {
    heardAtMs = Date.now();
    if (key === "_beat") return;
    if (text === undefined) return forget(key);
    const row: unknown = JSON.parse(text);
    if (row === null || typeof row !== "object" || !("version" in row) || typeof row.version !== "number") return;
    const { version } = row;
    // Replicas of the owner may publish out of order; an older version never replaces a newer one.
    if (version < (rows.get(key)?.version ?? 0)) return;
    if (!("value" in row) || row.value === undefined) return forget(key);
    const value = options.parse(row.value, key);
    rows.set(key, { version, value });
    options.onChange?.(key, value);
  }

  function forget(key: string): void {
    if (rows.delete(key)) options.onChange?.(key, undefined);
  }

  async function watchOnce(): Promise<void> {
    const kv = await bus.snapshots();
    const watch = await kv.watch({ key: `${topic}.>` });
    stop.signal.addEventListener("abort", () => watch.stop(), { once: true });
    const status = await kv.status();
    if (status.values === 0) loaded.resolve();
    for await (const entry of watch) {
      try {
        apply(entry.key.slice(topic.length + 1), entry.operation === "PUT" ? entry.string() : undefined);
      } catch (error) {
        bus.log.error(
          { topic, key: entry.key, reason: describeError(error) },
          "snapshot row not understood; kept the last one",
        );
      }
      if (!entry.delta) loaded.resolve();
    }
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

  const running = watchForever();
  return {
    get(key) {
      assertFresh();
      return rows.get(key)?.value;
    },
    *entries() {
      assertFresh();
      for (const [key, row] of rows) yield [key, row.value];
    },
    get size() {
      return rows.size;
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
