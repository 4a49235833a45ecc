import pg from "pg";
import { meshServices } from "../services.ts";
import { ensureDatabase, ensureSchema, roleOf, schemaOf, urlFor } from "./schemas.ts";
import { openSecrets, type Secrets } from "./secrets.ts";

export type ProvisionOptions = {
  /** Holds secrets.json and secrets/. */
  readonly root: string;
  /** A superuser, or a role that may create databases and roles. */
  readonly postgresAdminUrl: string;
  /** Default `agentmesh`. */
  readonly database?: string;
};

export type Provisioned = {
  readonly secrets: Secrets;
  /** By service: its own role in the mesh's database. */
  readonly postgresUrls: Readonly<Record<string, string>>;
};

/** Two provisioners at once (two one-shot jobs) take turns; any number that is not used elsewhere. */
const provisionLock = 7_105_201;

/**
 * Brings an empty PostgreSQL to where services can start: secrets, database, and per service a role that owns one
 * schema. Repeatable; a second run changes nothing that is in order.
 */
export async function provision(options: ProvisionOptions): Promise<Provisioned> {
  const secrets = openSecrets(options.root);
  const database = options.database ?? "agentmesh";
  await withClient(options.postgresAdminUrl, async (admin) => {
    await admin.query("SELECT pg_advisory_lock($1)", [provisionLock]);
    await ensureDatabase(admin, database);
    await withClient(inDatabase(options.postgresAdminUrl, database), async (client) => {
      for (const service of meshServices) {
        const password = passwordOf(service, secrets);
        await ensureSchema(client, { database, schema: schemaOf(service), role: roleOf(service), password });
      }
    });
  });
  return { secrets, postgresUrls: postgresUrls(options.postgresAdminUrl, database, secrets) };
}

/** By service, the URL with its own role. */
export function postgresUrls(adminUrl: string, database: string, secrets: Secrets): Record<string, string> {
  return Object.fromEntries(
    meshServices.map((service) => {
      const user = { role: roleOf(service), password: passwordOf(service, secrets), database };
      return [service, urlFor(adminUrl, user)];
    }),
  );
}

function passwordOf(service: string, secrets: Secrets): string {
  const password = secrets.rolePasswords[service];
  if (password === undefined) throw new Error(`the secrets hold no database password for ${service}`);
  return password;
}

function inDatabase(adminUrl: string, database: string): string {
  const url = new URL(adminUrl);
  url.pathname = `/${database}`;
  return url.href;
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
