import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { AppError } from "@agentmesh/errors";
import type { Logger } from "@agentmesh/telemetry";
import type pg from "pg";

/** A folder of numbered SQL files, and the name under which they are remembered. */
export type MigrationSource = { readonly name: string; readonly folder: URL };

/**
 * Applies the SQL files that are not applied yet, in order, each in a transaction of its own, all under one advisory
 * lock: replicas that start together take turns, and the later ones find nothing to do.
 *
 * @param client not connected yet; closed afterwards, which also gives the lock back
 * @throws AppError FAILED_PRECONDITION when an applied file was edited afterwards
 */
export async function migrate(
  client: pg.Client,
  schema: string,
  sources: readonly MigrationSource[],
  log: Logger,
): Promise<void> {
  // Without a listener a connection that dies in the middle would end the process; the statement under way says it too.
  client.on("error", (error) => log.warn({ error }, "the connection for migrations broke"));
  await client.connect();
  try {
    await client.query("SELECT pg_advisory_lock(hashtextextended('agentmesh.migrate.' || $1, 0))", [schema]);
    await client.query(`CREATE TABLE IF NOT EXISTS schema_migration (
      source text, name text, hash text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (source, name))`);
    for (const source of sources) await migrateSource(client, source, log);
  } finally {
    await client.end();
  }
}

async function migrateSource(client: pg.Client, source: MigrationSource, log: Logger): Promise<void> {
  const files = (await readdir(source.folder)).filter((name) => name.endsWith(".sql")).sort();
  const applied = await client.query<{ name: string; hash: string }>(
    "SELECT name, hash FROM schema_migration WHERE source = $1",
    [source.name],
  );
  const hashes = new Map(applied.rows.map((row) => [row.name, row.hash]));
  for (const name of files) {
    const sql = await readFile(new URL(name, source.folder), "utf8");
    const hash = createHash("sha256").update(sql).digest("hex");
    const before = hashes.get(name);
    if (before === hash) continue;
    if (before !== undefined) {
      throw new AppError(
        "FAILED_PRECONDITION",
        `migration ${source.name}/${name} was edited after it was applied; restore it and add a new file instead`,
        { reason: "MIGRATION_EDITED" },
      );
    }
    await applyFile(client, source.name, name, sql, hash);
    log.info({ migration: `${source.name}/${name}` }, "migration applied");
  }
}

async function applyFile(client: pg.Client, source: string, name: string, sql: string, hash: string): Promise<void> {
  await client.query("BEGIN");
  try {
    await client.query(sql);
    await client.query("INSERT INTO schema_migration (source, name, hash) VALUES ($1, $2, $3)", [source, name, hash]);
    await client.query("COMMIT");
  } catch (error) {
    // When this fails as well, the connection is gone and took the transaction with it.
    await client.query("ROLLBACK").catch(() => undefined);
    throw new AppError("INTERNAL", `migration ${source}/${name} failed: ${String(error)}`, { cause: error });
  }
}
