import type { Queryable } from "@agentmesh/postgres";
import type { TokenUsage } from "../domain/model.ts";

export type IntentRow = {
  tenant: string;
  attempt_id: string;
  run_id: string;
  epoch: number;
  /** Empty: the run's own. */
  agent: string;
  provider: string;
  model: string;
  input_tokens: number;
  usage: TokenUsage | null;
  at: Date;
};

export async function insertIntents(db: Queryable, rows: readonly IntentRow[]): Promise<void> {
  await db.query(
    `INSERT INTO model_call_intent (tenant, attempt_id, run_id, epoch, agent, provider, model, input_tokens, at)
     SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[], $4::int[], $5::text[], $6::text[], $7::text[], $8::int[], $9::timestamptz[])`,
    [
      rows.map((row) => row.tenant),
      rows.map((row) => row.attempt_id),
      rows.map((row) => row.run_id),
      rows.map((row) => row.epoch),
      rows.map((row) => row.agent),
      rows.map((row) => row.provider),
      rows.map((row) => row.model),
      rows.map((row) => row.input_tokens),
      rows.map((row) => row.at),
    ],
  );
}

export async function noteUsage(db: Queryable, tenant: string, attemptId: string, usage: TokenUsage): Promise<void> {
  await db.query("UPDATE model_call_intent SET usage = $3 WHERE tenant = $1 AND attempt_id = $2", [
    tenant,
    attemptId,
    JSON.stringify(usage),
  ]);
}

/** Once an epoch has ended, its usage is recorded in the same transaction. */
export async function deleteIntents(tx: Queryable, tenant: string, runId: string, upToEpoch: number) {
  const { rows } = await tx.query<IntentRow>(
    "DELETE FROM model_call_intent WHERE tenant = $1 AND run_id = $2 AND epoch <= $3 RETURNING *",
    [tenant, runId, upToEpoch],
  );
  return rows.sort((a, b) => a.at.getTime() - b.at.getTime());
}

/** Of a run below a durable one, whose usage is recorded in the same transaction. */
export async function deleteIntentsOf(tx: Queryable, tenant: string, attemptIds: readonly string[]): Promise<void> {
  await tx.query("DELETE FROM model_call_intent WHERE tenant = $1 AND attempt_id = ANY($2)", [tenant, attemptIds]);
}
