import { AppError } from "@agentmesh/errors";
import type { Queryable } from "@agentmesh/postgres";

/** Takes a lease that is free or renews one that is ours, by the server's clock; undefined: somebody else's. */
export async function takeLease(
  db: Queryable,
  lease: { name: string; holder: string; ttlMs: number },
): Promise<bigint | undefined> {
  const { rows } = await db.query<{ fence: bigint }>(
    `INSERT INTO lease AS l (name, holder, fence, expires_at) VALUES ($1, $2, 1, now() + $3 * interval '1 millisecond')
     ON CONFLICT (name) DO UPDATE SET holder = EXCLUDED.holder, expires_at = EXCLUDED.expires_at,
       fence = l.fence + (l.holder <> EXCLUDED.holder)::int
     WHERE l.holder = EXCLUDED.holder OR l.expires_at < now()
     RETURNING fence`,
    [lease.name, lease.holder, lease.ttlMs],
  );
  return rows[0]?.fence;
}

export async function releaseLease(db: Queryable, name: string, holder: string): Promise<void> {
  await db.query("UPDATE lease SET expires_at = '-infinity' WHERE name = $1 AND holder = $2", [name, holder]);
}

/**
 * Nobody takes the lease before the transaction ends, and one that was taken already ends it: what a holder that froze
 * decided never lands.
 *
 * @throws AppError CONFLICT (FENCED)
 */
export async function assertFence(tx: Queryable, name: string, fence: bigint): Promise<void> {
  const { rowCount } = await tx.query("SELECT 1 FROM lease WHERE name = $1 AND fence = $2 FOR SHARE", [name, fence]);
  if (rowCount === 1) return;
  throw new AppError("CONFLICT", `another replica holds the ${name} lease now; nothing was written`, {
    reason: "FENCED",
  });
}
