import pg from "pg";

export type SchemaOptions = {
  readonly database: string;
  readonly schema: string;
  readonly role: string;
  readonly password: string;
};

/** `agent-runner` → schema `agent_runner`. */
export function schemaOf(service: string): string {
  return service.replaceAll("-", "_");
}

/** `agent-runner` → role `mesh_agent_runner`. */
export function roleOf(service: string): string {
  return `mesh_${schemaOf(service)}`;
}

/** Creates the database unless it is there, closed to everybody who is not let in. */
export async function ensureDatabase(admin: pg.Client, database: string): Promise<void> {
  const name = pg.escapeIdentifier(database);
  const found = await admin.query("SELECT 1 FROM pg_database WHERE datname = $1", [database]);
  if (found.rowCount === 0) {
    await admin.query(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`).catch(ignoreDuplicate);
  }
  await admin.query(`REVOKE ALL ON DATABASE ${name} FROM PUBLIC`);
}

/**
 * A role that may sign in to the database and owns one schema in it, and nothing else. Repeatable: an existing role
 * gets the password, an existing schema keeps its tables.
 *
 * @param inDatabase a superuser's connection to that database
 */
export async function ensureSchema(inDatabase: pg.Client, options: SchemaOptions): Promise<void> {
  const database = pg.escapeIdentifier(options.database);
  const role = pg.escapeIdentifier(options.role);
  const schema = pg.escapeIdentifier(options.schema);
  const found = await inDatabase.query("SELECT 1 FROM pg_roles WHERE rolname = $1", [options.role]);
  if (found.rowCount === 0) await inDatabase.query(`CREATE ROLE ${role}`).catch(ignoreDuplicate);
  await inDatabase.query(
    `ALTER ROLE ${role} WITH LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD ${pg.escapeLiteral(options.password)}`,
  );
  await inDatabase.query(`GRANT CONNECT ON DATABASE ${database} TO ${role}`);
  await inDatabase.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
  await inDatabase.query(`ALTER SCHEMA ${schema} OWNER TO ${role}`);
  await inDatabase.query(`REVOKE ALL ON SCHEMA ${schema} FROM PUBLIC`);
  await inDatabase.query("REVOKE ALL ON SCHEMA public FROM PUBLIC");
  await inDatabase.query(`ALTER ROLE ${role} IN DATABASE ${database} SET search_path = ${schema}`);
}

/** The URL of one role in one database on the server of `adminUrl`. */
export function urlFor(adminUrl: string, user: { role: string; password: string; database: string }): string {
  const url = new URL(adminUrl);
  url.username = user.role;
  url.password = user.password;
  url.pathname = `/${user.database}`;
  return url.href;
}

/** Two that create the same at once: one is told so by a unique index of the catalog. */
function ignoreDuplicate(error: unknown): void {
  const duplicates = new Set<unknown>(["23505", "42P04", "42710"]);
  if (!(error instanceof pg.DatabaseError) || !duplicates.has(error.code)) throw error;
}
