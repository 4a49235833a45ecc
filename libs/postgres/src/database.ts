import { setTimeout as wait } from "node:timers/promises";
import { AppError, describeError } from "@agentmesh/errors";
import type { Logger } from "@agentmesh/telemetry";
import pg from "pg";
import { isTransient, toDatabaseError } from "./errors.ts";
import { type MigrationSource, migrate } from "./migrate.ts";

export type QueryResult<Row> = { rows: Row[]; rowCount: number };

/** What store functions take: the pool or a transaction. */
export type Queryable = {
  /** SQL with `$1` parameters; the text must be constant, for it is prepared once a connection. */
  query<Row extends object = Record<string, unknown>>(
    text: string,
    values?: readonly unknown[],
  ): Promise<QueryResult<Row>>;
};

export type Transaction = Queryable & {
  /** Runs after the commit; a hint such as waking a relay, never something that must not be lost. */
  afterCommit(run: () => void): void;
};

export type Database = Queryable &
  AsyncDisposable & {
    /** Commits what `run` returns from and rolls back what it throws out of; again after a deadlock. */
    transaction<T>(run: (tx: Transaction) => Promise<T>): Promise<T>;
  };

export type DatabaseOptions = {
  /** postgres://user:password@host:port/database */
  readonly url: string;
  readonly schema: string;
  /** Applied in this order under a lock. */
  readonly migrations: readonly MigrationSource[];
  readonly log: Logger;
  /** Default 10. */
  readonly maxConnections?: number;
  /** How long to wait for a server that is down at start, in milliseconds. Default 30 000. */
  readonly startTimeoutMs?: number;
};

const MAX_TRANSACTION_TRIES = 5;
const MAX_PREPARED = 500;
const STATEMENT_TIMEOUT_MS = 30_000;
// A replica that froze while holding a row lock is cut off, so that its peers go on.
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 5_000;

/**
 * A pool on one schema, migrated and ready.
 *
 * int8 comes back as bigint, jsonb as a value, timestamptz as Date.
 *
 * @throws AppError UNAVAILABLE when the server does not answer within `startTimeoutMs`
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { log, schema } = options;
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.maxConnections ?? 10,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
    application_name: schema,
    options: `-c search_path=${schema}`,
    types: { getTypeParser },
  });
  pool.on("error", (error) => log.warn({ error }, "an idle PostgreSQL connection broke"));
  try {
    await awaitServer(pool, options);
    await migrate(pool, schema, options.migrations, log);
  } catch (error) {
    await pool.end();
    throw error;
  }
  return {
    query: (text, values = []) => run(pool, text, values),
    transaction: (work) => transaction(pool, work),
    [Symbol.asyncDispose]: () => pool.end(),
  };
}

const INT8_OID = 20;

function getTypeParser(oid: number, format?: "text" | "binary") {
  if (oid === INT8_OID) return BigInt;
  return format === "binary" ? pg.types.getTypeParser(oid, "binary") : pg.types.getTypeParser(oid, "text");
}

async function awaitServer(pool: pg.Pool, { log, startTimeoutMs = 30_000, url }: DatabaseOptions): Promise<void> {
  const deadline = Date.now() + startTimeoutMs;
  for (let delayMs = 50; ; delayMs = Math.min(delayMs * 2, 1000)) {
    try {
      await pool.query("SELECT 1");
      return;
    } catch (error) {
      const failure = toDatabaseError(error);
      const { host } = new URL(url);
      if (!(failure instanceof AppError) || Date.now() + delayMs > deadline) {
        throw new AppError(
          "UNAVAILABLE",
          `PostgreSQL at ${host} did not answer within ${startTimeoutMs} ms: ${describeError(error)}; check POSTGRES_URL and that it runs`,
          { reason: "DATABASE_UNAVAILABLE", cause: error },
        );
      }
      log.warn({ host, reason: failure.message }, "waiting for PostgreSQL");
      await wait(delayMs);
    }
  }
}

// SQL texts are constants, so their number is small; a text built at run time falls out at the bound and is sent plain.
const preparedNames = new Map<string, string>();

function nameOf(text: string): string | undefined {
  const known = preparedNames.get(text);
  if (known !== undefined || preparedNames.size >= MAX_PREPARED) return known;
  const name = `s${preparedNames.size}`;
  preparedNames.set(text, name);
  return name;
}

async function run<Row extends object>(
  target: pg.Pool | pg.PoolClient,
  text: string,
  values: readonly unknown[],
): Promise<QueryResult<Row>> {
  try {
    const name = values.length > 0 ? nameOf(text) : undefined;
    const result = await target.query<Row & pg.QueryResultRow>({ text, values: [...values], ...(name && { name }) });
    return { rows: result.rows, rowCount: result.rowCount ?? 0 };
  } catch (error) {
    throw toDatabaseError(error);
  }
}

async function transaction<T>(pool: pg.Pool, work: (tx: Transaction) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await transactionOnce(pool, work);
    } catch (error) {
      if (tries >= MAX_TRANSACTION_TRIES || !isTransient(error)) throw toDatabaseError(error);
      await wait(Math.random() * 10 * 2 ** tries);
    }
  }
}

async function transactionOnce<T>(pool: pg.Pool, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  const hooks: (() => void)[] = [];
  let broken: Error | undefined;
  // Without a listener a connection that dies mid-transaction would end the process.
  function noteBroken(error: Error): void {
    broken = error;
  }
  client.on("error", noteBroken);
  try {
    await client.query("BEGIN");
    const result = await work({
      query: (text, values = []) => run(client, text, values),
      afterCommit: (hook) => hooks.push(hook),
    });
    await client.query("COMMIT");
    for (const hook of hooks) hook();
    return result;
  } catch (error) {
    await client.query("ROLLBACK").catch(noteBroken);
    throw error;
  } finally {
    client.off("error", noteBroken);
    client.release(broken);
  }
}
