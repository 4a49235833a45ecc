import type { Queryable } from "@agentmesh/postgres";

export type StoredRejection = {
  readonly id: string;
  readonly tenant: string;
  readonly trigger: string;
  readonly delivery: string;
  readonly subject: string;
  readonly event_id: string;
  readonly code: string;
  readonly message: string;
  readonly at: Date;
};

/** @returns the ids of those that were not there before */
export async function insertRejections(tx: Queryable, all: readonly StoredRejection[]): Promise<ReadonlySet<string>> {
  if (all.length === 0) return new Set();
  const { rows } = await tx.query<{ id: string }>(
    `INSERT INTO rejection (id, tenant, trigger, delivery, subject, event_id, code, message, at)
     SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
       $8::text[], $9::timestamptz[]) ON CONFLICT DO NOTHING RETURNING id`,
    [
      all.map((one) => one.id),
      all.map((one) => one.tenant),
      all.map((one) => one.trigger),
      all.map((one) => one.delivery),
      all.map((one) => one.subject),
      all.map((one) => one.event_id),
      all.map((one) => one.code),
      all.map((one) => one.message),
      all.map((one) => one.at.toISOString()),
    ],
  );
  return new Set(rows.map((row) => row.id));
}

/** Newest first. */
export async function listRejections(
  db: Queryable,
  page: { readonly tenant: string; readonly before: string; readonly limit: number },
): Promise<StoredRejection[]> {
  const { rows } = await db.query<StoredRejection>(
    "SELECT * FROM rejection WHERE tenant = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
    [page.tenant, page.before, page.limit],
  );
  return rows;
}
