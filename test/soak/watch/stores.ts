// What lies in the servers behind the services.
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { Redis } from "ioredis";
import type pg from "pg";

export type StoreFigures = {
  /** Estimated by PostgreSQL, all tables. */
  readonly postgresRows: number;
  readonly postgresBytes: number;
  readonly redisBytes: number;
  readonly redisKeys: number;
  readonly jetstreamMessages: number;
  readonly jetstreamBytes: number;
};

export type Stores = AsyncDisposable & { read(): Promise<StoreFigures> };

export async function openStores(
  urls: { readonly natsUrl: string; readonly redisUrl: string },
  sql: pg.Pool,
): Promise<Stores> {
  await using stack = new AsyncDisposableStack();
  const { host, username, password } = new URL(urls.natsUrl);
  const nats = await connect({ servers: host, user: decodeURIComponent(username), pass: decodeURIComponent(password) });
  stack.defer(() => nats.close());
  const manager = await jetstreamManager(nats);
  const redis = new Redis(urls.redisUrl);
  // A Redis that restarts is connected to again; what it says meanwhile is nobody's business here.
  redis.on("error", () => undefined);
  stack.defer(() => redis.disconnect());
  const opened = stack.move();
  return {
    async read() {
      const [tables, memory, redisKeys, account] = await Promise.all([
        sql.query<{ rows: string; bytes: string }>(
          `SELECT coalesce(sum(n_live_tup), 0) AS rows, pg_database_size(current_database()) AS bytes
           FROM pg_stat_user_tables`,
        ),
        redis.info("memory"),
        redis.dbsize(),
        streamTotals(),
      ]);
      return {
        postgresRows: Number(tables.rows[0]?.rows),
        postgresBytes: Number(tables.rows[0]?.bytes),
        redisBytes: Number(/^used_memory:(\d+)/m.exec(memory)?.[1]),
        redisKeys,
        ...account,
      };
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };

  async function streamTotals() {
    let jetstreamMessages = 0;
    let jetstreamBytes = 0;
    for await (const { state } of manager.streams.list()) {
      jetstreamMessages += state.messages;
      jetstreamBytes += state.bytes;
    }
    return { jetstreamMessages, jetstreamBytes };
  }
}
