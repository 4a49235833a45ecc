import { setTimeout as wait } from "node:timers/promises";
import { AppError, describeError } from "@agentmesh/errors";
import type { Logger } from "@agentmesh/telemetry";
import pg from "pg";
import { arrayLiteral } from "./array-literal.ts";
import { isLost, isStalePlan, isTransient, toDatabaseError } from "./errors.ts";
import { type MigrationSource, migrate } from "./migrate.ts";
import { parseTime } from "./parse-time.ts";

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
  /** Runs when this try of the transaction did not commit, as far as is known. It must not throw. */
  afterRollback(run: () => void): void;
};

export type Database = Queryable &
  AsyncDisposable & {
    /** Commits what `run` returns from and rolls back what it throws out of; again, up to 5 times, after a deadlock. */
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
  /** How long a statement may run, in milliseconds; migrations have their own bound. Default 30 000. */
  readonly statementTimeoutMs?: number;
};

const MAX_TRIES = 5;
const MAX_PREPARED = 500;
const MIGRATION_TIMEOUT_MS = 600_000;
// The server ends a statement; when its answer does not come, the server or the way to it is gone.
const ANSWER_GRACE_MS = 2_000;
// A replica that froze while holding a row lock is cut off, so that its peers go on.
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 5_000;

/**
 * A pool on one schema, migrated and ready.
 *
 * int8 comes back as bigint, jsonb as a value, timestamptz as Date.
 *
 * @throws AppError UNAVAILABLE when the server does not answer within `startTimeoutMs`, FAILED_PRECONDITION when it
 *   refuses us or a migration was edited
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { log, schema, statementTimeoutMs = 30_000 } = options;
  const pool = new pg.Pool({
    ...connectionSettings(options, statementTimeoutMs),
    max: options.maxConnections ?? 10,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
  });
  pool.on("error", (error) => log.warn({ error }, "an idle PostgreSQL connection broke"));
  try {
    await awaitServer(pool, options);
    await migrate(new pg.Client(connectionSettings(options, MIGRATION_TIMEOUT_MS)), schema, options.migrations, log);
  } catch (error) {
    await pool.end();
    throw error;
  }
  return {
    query: (text, values = []) => again(() => run(pool, text, values)),
    transaction: (work) => transaction(pool, work, log),
    [Symbol.asyncDispose]: () => pool.end(),
  };
}

function connectionSettings({ url, schema }: DatabaseOptions, statementTimeoutMs: number): pg.ClientConfig {
  return {
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs + ANSWER_GRACE_MS,
    application_name: schema,
    options: `-c search_path=${schema}`,
    types: { getTypeParser },
  };
}

const INT8_OID = 20;
const TIMESTAMPTZ_OID = 1184;

function getTypeParser(oid: number, format?: "text" | "binary") {
  if (oid === INT8_OID) return BigInt;
  if (oid === TIMESTAMPTZ_OID && format !== "binary") return parseTime;
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
      if (!(failure instanceof AppError)) {
        throw new AppError(
          "FAILED_PRECONDITION",
          `PostgreSQL at ${host} refused us: ${describeError(error)}; check role, password and database in POSTGRES_URL`,
          { reason: "DATABASE_REFUSED", cause: error },
        );
      }
      if (Date.now() + delayMs > deadline) {
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
let preparedCount = 0;

function nameOf(text: string): string | undefined {
  const known = preparedNames.get(text);
  if (known !== undefined || preparedNames.size >= MAX_PREPARED) return known;
  const name = `s${preparedCount++}`;
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
    const encoded = values.map((value) => (Array.isArray(value) ? (arrayLiteral(value) ?? value) : value));
    const result = await target.query<Row & pg.QueryResultRow>({ text, values: encoded, ...(name && { name }) });
    return { rows: result.rows, rowCount: result.rowCount ?? 0 };
  } catch (error) {
    // A migration of a newer replica changed the table: under a new name the text is prepared anew on each connection.
    if (isStalePlan(error)) preparedNames.delete(text);
    throw toDatabaseError(error);
  }
}

/** What the server rolled back whole, for no fault of its own, runs again. */
async function again<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (tries >= MAX_TRIES || !isTransient(error)) throw toDatabaseError(error);
      await wait(Math.random() * 10 * 2 ** tries);
    }
  }
}

async function transaction<T>(pool: pg.Pool, work: (tx: Transaction) => Promise<T>, log: Logger): Promise<T> {
  const { result, hooks } = await again(() => transactionOnce(pool, work));
  for (const hook of hooks) {
    try {
      hook();
    } catch (error) {
      log.warn({ error }, "a hint after a commit failed; the commit stands");
    }
  }
  return result;
}

async function transactionOnce<T>(
  pool: pg.Pool,
  work: (tx: Transaction) => Promise<T>,
): Promise<{ result: T; hooks: readonly (() => void)[] }> {
  const client = await pool.connect();
  const hooks: (() => void)[] = [];
  const undo: (() => void)[] = [];
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
      afterRollback: (hook) => undo.push(hook),
    });
    await client.query("COMMIT");
    return { result, hooks };
  } catch (error) {
    for (const hook of undo) hook();
    if (isLost(error)) noteBroken(error);
    else await client.query("ROLLBACK").catch(noteBroken);
    throw error;
  } finally {
    client.off("error", noteBroken);
    client.release(broken);
  }
}
