import type { Queryable } from "@agentmesh/postgres";
import { isCut, smallValue } from "./small-value.ts";

export type ApprovalState = "pending" | "approved" | "rejected" | "expired" | "cancelled";

export type StoredApproval = {
  readonly id: string;
  readonly run: string;
  readonly node: string;
  readonly shard: number;
  readonly tenant: string;
  readonly workflow: string;
  readonly state: ApprovalState;
  readonly title: string;
  readonly input: unknown;
  readonly args_hash: string;
  readonly subjects: readonly string[];
  readonly roles: readonly string[];
  readonly not_by: string | null;
  readonly requested_at: Date;
  readonly expires_at: Date | null;
  readonly decided_by: string | null;
  readonly comment: string | null;
  readonly decided_at: Date | null;
};

/** How an approval stands after an advance. */
export type ApprovalWrite = Omit<StoredApproval, "input" | "requested_at" | "decided_at"> & {
  /** JSON; null: as it was. */
  readonly input: string | null;
  readonly atMs: number;
};

/** A step has one row, which says how its approval stands; one that is asked for again is pending again. */
export async function writeApprovals(tx: Queryable, all: readonly ApprovalWrite[]): Promise<void> {
  if (all.length === 0) return;
  await tx.query(
    `INSERT INTO approval AS a (id, run, node, shard, tenant, workflow, state, title, input, args_hash, subjects, roles,
       not_by, requested_at, expires_at, decided_by, comment, decided_at)
     SELECT id, run, node, shard, tenant, workflow, state, title, coalesce(input, 'null'), args_hash,
       ARRAY(SELECT json_array_elements_text(subjects)), ARRAY(SELECT json_array_elements_text(roles)), not_by, at,
       expires_at, decided_by, comment, CASE WHEN state = 'pending' THEN NULL ELSE at END
     FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::int[], $5::text[], $6::text[], $7::text[], $8::text[],
       $9::json[], $10::text[], $11::json[], $12::json[], $13::text[], $14::timestamptz[], $15::timestamptz[],
       $16::text[], $17::text[]) AS w (id, run, node, shard, tenant, workflow, state, title, input, args_hash,
       subjects, roles, not_by, at, expires_at, decided_by, comment)
     ON CONFLICT (run, node, shard) DO UPDATE SET state = EXCLUDED.state, title = EXCLUDED.title,
       input = CASE WHEN EXCLUDED.input::text = 'null' THEN a.input ELSE EXCLUDED.input END,
       args_hash = EXCLUDED.args_hash, subjects = EXCLUDED.subjects, roles = EXCLUDED.roles,
       not_by = EXCLUDED.not_by, expires_at = EXCLUDED.expires_at, decided_by = EXCLUDED.decided_by,
       comment = EXCLUDED.comment, decided_at = EXCLUDED.decided_at,
       requested_at = CASE WHEN a.state <> 'pending' AND EXCLUDED.state = 'pending' THEN EXCLUDED.requested_at
         ELSE a.requested_at END`,
    [
      all.map((one) => one.id),
      all.map((one) => one.run),
      all.map((one) => one.node),
      all.map((one) => one.shard),
      all.map((one) => one.tenant),
      all.map((one) => one.workflow),
      all.map((one) => one.state),
      all.map((one) => one.title),
      all.map((one) => one.input),
      all.map((one) => one.args_hash),
      all.map((one) => JSON.stringify(one.subjects)),
      all.map((one) => JSON.stringify(one.roles)),
      all.map((one) => one.not_by),
      all.map((one) => new Date(one.atMs).toISOString()),
      all.map((one) => one.expires_at?.toISOString() ?? null),
      all.map((one) => one.decided_by),
      all.map((one) => one.comment),
    ],
  );
}

export async function readApproval(
  db: Queryable,
  tenant: string,
  place: { readonly run: string; readonly node: string; readonly shard: number },
): Promise<StoredApproval | undefined> {
  const { rows } = await db.query<StoredApproval>(
    "SELECT * FROM approval WHERE run = $1 AND node = $2 AND shard = $3 AND tenant = $4",
    [place.run, place.node, place.shard, tenant],
  );
  return rows[0];
}

export type ApprovalPage = {
  readonly tenant: string;
  /** Empty: all. */
  readonly state: string;
  readonly before: string;
  readonly limit: number;
};

const LISTED = `SELECT id, run, node, shard, tenant, workflow, state, title, args_hash, subjects, roles, not_by,
  requested_at, expires_at, decided_by, comment, decided_at,
  ${smallValue("input")} AS input, ${isCut("input")} AS input_cut FROM approval`;

// One text each, so that each has the plan of its index.
const ALL = `${LISTED} WHERE tenant = $1 AND id < $2 ORDER BY id DESC LIMIT $3`;
const BY_STATE = `${LISTED} WHERE tenant = $1 AND id < $2 AND state = $4 ORDER BY id DESC LIMIT $3`;
const BY_RUN = `${LISTED} WHERE tenant = $1 AND id < $2 AND run = $4 AND ($5 = '' OR state = $5)
  ORDER BY id DESC LIMIT $3`;

export type ListedApproval = StoredApproval & { readonly input_cut: boolean };

/** Newest first. */
export async function listApprovals(db: Queryable, page: ApprovalPage, run: string): Promise<ListedApproval[]> {
  const common = [page.tenant, page.before, page.limit];
  if (run !== "") return (await db.query<ListedApproval>(BY_RUN, [...common, run, page.state])).rows;
  if (page.state !== "") return (await db.query<ListedApproval>(BY_STATE, [...common, page.state])).rows;
  return (await db.query<ListedApproval>(ALL, common)).rows;
}

/** How many wait for a decision, counted up to a bound. */
export async function countPending(db: Queryable, bound: number): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    "SELECT count(*)::int AS count FROM (SELECT 1 FROM approval WHERE state = 'pending' LIMIT $1) AS pending",
    [bound],
  );
  return rows[0]?.count ?? 0;
}
