import type { Queryable } from "@agentmesh/postgres";

export type StoredSchedule = {
  readonly tenant: string;
  readonly name: string;
  readonly spec: unknown;
  readonly next_at: Date | null;
};

export async function readSchedule(db: Queryable, tenant: string, name: string): Promise<StoredSchedule | undefined> {
  const { rows } = await db.query<StoredSchedule>(
    "SELECT tenant, name, spec, next_at FROM trigger_schedule WHERE tenant = $1 AND name = $2 FOR UPDATE",
    [tenant, name],
  );
  return rows[0];
}

export async function writeSchedule(tx: Queryable, schedule: StoredSchedule): Promise<void> {
  await tx.query(
    `INSERT INTO trigger_schedule (tenant, name, spec, next_at, look_at) VALUES ($1, $2, $3, $4, $4)
     ON CONFLICT (tenant, name) DO UPDATE SET spec = EXCLUDED.spec, next_at = EXCLUDED.next_at,
       look_at = EXCLUDED.look_at`,
    [schedule.tenant, schedule.name, JSON.stringify(schedule.spec), schedule.next_at?.toISOString() ?? null],
  );
}

export async function deleteSchedule(tx: Queryable, tenant: string, name: string): Promise<void> {
  await tx.query("DELETE FROM trigger_schedule WHERE tenant = $1 AND name = $2", [tenant, name]);
}

/** Locks a schedule whose time has come and that nobody else looks at; with the database's clock. */
export async function lockDueSchedule(tx: Queryable): Promise<(StoredSchedule & { readonly now: Date }) | undefined> {
  const { rows } = await tx.query<StoredSchedule & { now: Date }>(
    `SELECT tenant, name, spec, next_at, clock_timestamp() AS now FROM trigger_schedule
     WHERE look_at <= now() ORDER BY look_at LIMIT 1 FOR UPDATE SKIP LOCKED`,
  );
  return rows[0];
}

/** Looks again in a while, with its times as they are. */
export async function postponeSchedule(db: Queryable, tenant: string, name: string, delayMs: number): Promise<void> {
  await db.query(
    `UPDATE trigger_schedule SET look_at = now() + $3::int * interval '1 millisecond'
     WHERE tenant = $1 AND name = $2 AND look_at <= now()`,
    [tenant, name, delayMs],
  );
}
