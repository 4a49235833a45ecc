import type { Queryable } from "@agentmesh/postgres";

export type TriggerBinding = {
  readonly tenant: string;
  readonly name: string;
  readonly version: number;
  readonly spec: unknown;
  readonly filter: string;
  readonly durable: string;
  readonly since: Date;
};

export async function readBinding(db: Queryable, tenant: string, name: string): Promise<TriggerBinding | undefined> {
  const { rows } = await db.query<TriggerBinding>("SELECT * FROM trigger_binding WHERE tenant = $1 AND name = $2", [
    tenant,
    name,
  ]);
  return rows[0];
}

export async function writeBinding(tx: Queryable, binding: TriggerBinding): Promise<void> {
  await tx.query(
    `INSERT INTO trigger_binding (tenant, name, version, spec, filter, durable, since)
     VALUES ($1, $2, $3, $4, $5, $6, $7)
     ON CONFLICT (tenant, name) DO UPDATE SET version = EXCLUDED.version, spec = EXCLUDED.spec,
       filter = EXCLUDED.filter, durable = EXCLUDED.durable, since = EXCLUDED.since`,
    [
      binding.tenant,
      binding.name,
      binding.version,
      JSON.stringify(binding.spec),
      binding.filter,
      binding.durable,
      binding.since.toISOString(),
    ],
  );
}

export async function deleteBinding(tx: Queryable, tenant: string, name: string): Promise<void> {
  await tx.query("DELETE FROM trigger_binding WHERE tenant = $1 AND name = $2", [tenant, name]);
}

export async function listBindings(db: Queryable): Promise<TriggerBinding[]> {
  const { rows } = await db.query<TriggerBinding>("SELECT * FROM trigger_binding ORDER BY durable");
  return rows;
}

export async function markGone(tx: Queryable, durable: string): Promise<void> {
  await tx.query("INSERT INTO trigger_gone (durable) VALUES ($1) ON CONFLICT DO NOTHING", [durable]);
}

/** It is needed again. */
export async function unmarkGone(db: Queryable, durable: string): Promise<void> {
  await db.query("DELETE FROM trigger_gone WHERE durable = $1", [durable]);
}

export async function listGone(db: Queryable): Promise<string[]> {
  const { rows } = await db.query<{ durable: string }>("SELECT durable FROM trigger_gone ORDER BY durable LIMIT 100");
  return rows.map((row) => row.durable);
}

/** Forgets a consumer once every replica has long heard that its trigger is gone. */
export async function forgetGone(db: Queryable, durable: string): Promise<void> {
  await db.query("DELETE FROM trigger_gone WHERE durable = $1 AND at < now() - interval '1 minute'", [durable]);
}
