import type { Queryable } from "@agentmesh/postgres";

export async function renewReplica(db: Queryable, id: string, leaseMs: number): Promise<void> {
  await db.query(
    `INSERT INTO runner_replica (id, lease_until) VALUES ($1, now() + $2 * interval '1 millisecond')
     ON CONFLICT (id) DO UPDATE SET lease_until = EXCLUDED.lease_until`,
    [id, leaseMs],
  );
}

/** Replicas that are long gone; their runs were taken over before. */
export async function deleteOldReplicas(db: Queryable): Promise<void> {
  await db.query(
    `DELETE FROM runner_replica r WHERE lease_until < now() - interval '1 hour'
       AND NOT EXISTS (SELECT 1 FROM live_run l WHERE l.owner = r.id)`,
  );
}

export async function deleteReplica(db: Queryable, id: string): Promise<void> {
  await db.query("DELETE FROM runner_replica WHERE id = $1", [id]);
}
