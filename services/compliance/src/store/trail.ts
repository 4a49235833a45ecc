import type { Queryable } from "@agentmesh/postgres";
import type { Frontier, TreeNode } from "../domain/merkle.ts";

export type EntryRow = {
  tenant: string;
  seq: bigint;
  id: string;
  body: Buffer;
  at: Date;
  subject: string;
  action: string;
  request_id: string;
};

/** The trees of these tenants, locked in one order: whoever holds a tree is its sequencer. */
export async function lockTrees(tx: Queryable, tenants: readonly string[]): Promise<Map<string, Frontier>> {
  await tx.query("INSERT INTO audit_tree (tenant) SELECT * FROM unnest($1::text[]) ORDER BY 1 ON CONFLICT DO NOTHING", [
    tenants,
  ]);
  const { rows } = await tx.query<{ tenant: string; size: bigint; roots: Buffer[] }>(
    "SELECT tenant, size, roots FROM audit_tree WHERE tenant = ANY($1) ORDER BY tenant FOR UPDATE",
    [tenants],
  );
  return new Map(rows.map(({ tenant, size, roots }) => [tenant, { size, roots }]));
}

export async function writeTree(tx: Queryable, tenant: string, frontier: Frontier): Promise<void> {
  await tx.query("UPDATE audit_tree SET size = $2, roots = $3 WHERE tenant = $1", [
    tenant,
    frontier.size,
    frontier.roots,
  ]);
}

export async function readTree(db: Queryable, tenant: string): Promise<Frontier> {
  const { rows } = await db.query<Frontier>("SELECT size, roots FROM audit_tree WHERE tenant = $1", [tenant]);
  return rows[0] ?? { size: 0n, roots: [] };
}

export async function knownIds(tx: Queryable, tenant: string, ids: readonly string[]): Promise<Set<string>> {
  const { rows } = await tx.query<{ id: string }>(
    "SELECT id FROM audit_entry WHERE tenant = $1 AND id = ANY($2::uuid[])",
    [tenant, ids],
  );
  return new Set(rows.map((row) => row.id));
}

export async function insertEntries(tx: Queryable, rows: readonly EntryRow[]): Promise<void> {
  await tx.query(
    `INSERT INTO audit_entry (tenant, seq, id, body, at, subject, action, request_id)
     SELECT * FROM unnest($1::text[], $2::bigint[], $3::uuid[], $4::bytea[], $5::timestamptz[], $6::text[], $7::text[], $8::text[])`,
    [
      rows.map((row) => row.tenant),
      rows.map((row) => row.seq),
      rows.map((row) => row.id),
      rows.map((row) => row.body),
      rows.map((row) => row.at),
      rows.map((row) => row.subject),
      rows.map((row) => row.action),
      rows.map((row) => row.request_id),
    ],
  );
}

export async function insertNodes(tx: Queryable, tenant: string, nodes: readonly TreeNode[]): Promise<void> {
  await tx.query(
    `INSERT INTO audit_node (tenant, level, index, hash)
     SELECT $1, * FROM unnest($2::smallint[], $3::bigint[], $4::bytea[])`,
    [tenant, nodes.map((node) => node.level), nodes.map((node) => node.index), nodes.map((node) => node.hash)],
  );
}

export async function readNodes(
  db: Queryable,
  tenant: string,
  nodes: readonly { level: number; index: bigint }[],
): Promise<Map<string, Buffer>> {
  const { rows } = await db.query<{ level: number; index: bigint; hash: Buffer }>(
    `SELECT level, index, hash FROM audit_node
     WHERE tenant = $1 AND (level, index) IN (SELECT * FROM unnest($2::smallint[], $3::bigint[]))`,
    [tenant, nodes.map((node) => node.level), nodes.map((node) => node.index)],
  );
  return new Map(rows.map((row) => [`${row.level}/${row.index}`, row.hash]));
}

/** Entries in order from a sequence on. */
export async function readEntries(db: Queryable, tenant: string, fromSeq: bigint, limit: number): Promise<EntryRow[]> {
  const { rows } = await db.query<EntryRow>(
    "SELECT * FROM audit_entry WHERE tenant = $1 AND seq >= $2 ORDER BY seq LIMIT $3",
    [tenant, fromSeq, limit],
  );
  return rows;
}

export async function findEntry(db: Queryable, tenant: string, id: string): Promise<EntryRow | undefined> {
  const { rows } = await db.query<EntryRow>("SELECT * FROM audit_entry WHERE tenant = $1 AND id = $2", [tenant, id]);
  return rows[0];
}

export type EntryQuery = {
  readonly tenant: string;
  readonly subject: string;
  readonly action: string;
  readonly requestId: string;
  readonly beforeSeq: bigint;
  readonly limit: number;
};

/** Newest first; an empty condition matches all. */
export async function findEntries(db: Queryable, query: EntryQuery): Promise<EntryRow[]> {
  const { rows } = await db.query<EntryRow>(
    `SELECT * FROM audit_entry WHERE tenant = $1 AND seq < $2 AND ($3 = '' OR subject = $3) AND ($4 = '' OR action = $4)
       AND ($5 = '' OR request_id = $5) ORDER BY seq DESC LIMIT $6`,
    [query.tenant, query.beforeSeq, query.subject, query.action, query.requestId, query.limit],
  );
  return rows;
}
