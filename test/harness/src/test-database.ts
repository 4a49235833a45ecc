import { randomBytes } from "node:crypto";
import { ensureDatabase, ensureSchema, schemaOf, urlFor } from "@agentmesh/local/schemas";
import pg from "pg";

export type TestDatabase = {
  /** The service's own role, its schema first in the search path. */
  readonly url: string;
  /** The superuser, in the same database. */
  readonly adminUrl: string;
  drop(): Promise<void>;
};

/** A fresh database with one service's role and schema in it. */
export async function createTestDatabase(serverUrl: string, service: string): Promise<TestDatabase> {
  const unique = `test_${schemaOf(service)}_${randomBytes(6).toString("hex")}`;
  const password = randomBytes(12).toString("base64url");
  const adminUrl = urlFor(serverUrl, { ...credentials(serverUrl), database: unique });
  await withClient(serverUrl, (admin) => ensureDatabase(admin, unique));
  await withClient(adminUrl, (admin) =>
    ensureSchema(admin, { database: unique, schema: schemaOf(service), role: unique, password }),
  );
  return {
    url: urlFor(serverUrl, { role: unique, password, database: unique }),
    adminUrl,
    drop: () =>
      withClient(serverUrl, async (admin) => {
        const name = pg.escapeIdentifier(unique);
        await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
        await admin.query(`DROP ROLE IF EXISTS ${name}`);
      }),
  };
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function credentials(url: string): { role: string; password: string } {
  const { username, password } = new URL(url);
  return { role: decodeURIComponent(username), password: decodeURIComponent(password) };
}
