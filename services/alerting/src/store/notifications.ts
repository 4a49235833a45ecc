import type { Queryable } from "@agentmesh/postgres";
import type { NotificationKind } from "../domain/notification.ts";

export type Intent = {
  readonly id: string;
  readonly tenant: string;
  readonly alertId: string;
  readonly channel: string;
  readonly kind: NotificationKind;
  readonly dedupeKey: string;
  readonly body: string;
};

/** One that is there already stays as it is: an alert that becomes active again after a silence was told of before. */
export async function insertIntents(tx: Queryable, intents: readonly Intent[]): Promise<void> {
  if (intents.length === 0) return;
  await tx.query(
    `INSERT INTO notification (id, tenant, alert_id, channel, kind, dedupe_key, body)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
     ON CONFLICT (dedupe_key) DO NOTHING`,
    [
      intents.map((intent) => intent.id),
      intents.map((intent) => intent.tenant),
      intents.map((intent) => intent.alertId),
      intents.map((intent) => intent.channel),
      intents.map((intent) => intent.kind),
      intents.map((intent) => intent.dedupeKey),
      intents.map((intent) => intent.body),
    ],
  );
}

/** Channels that were or will be told that these alerts are active. */
export async function toldChannels(
  tx: Queryable,
  alertIds: readonly string[],
): Promise<{ alert_id: string; channel: string }[]> {
  const { rows } = await tx.query<{ alert_id: string; channel: string }>(
    `SELECT alert_id, channel FROM notification
     WHERE alert_id = ANY($1) AND kind = 'active' AND state <> 'cancelled' ORDER BY id`,
    [alertIds],
  );
  return rows;
}

export type Claimed = {
  id: string;
  tenant: string;
  alert_id: string;
  channel: string;
  kind: NotificationKind;
  dedupe_key: string;
  body: string;
  attempts: number;
};

/**
 * Records `sending` for what is due. What its sender never came back from is due again after `orphanMs`; a channel gets
 * at most `perChannel` at a time, so that one slow receiver holds up only itself; and `resolved` waits for `active`.
 */
export async function claimDue(
  tx: Queryable,
  bounds: { limit: number; perChannel: number; orphanMs: number },
): Promise<Claimed[]> {
  const { rows } = await tx.query<Claimed>(
    `WITH open AS (
       SELECT id, tenant, channel, next_at,
         state = 'pending' OR changed_at < now() - $3 * interval '1 millisecond' AS free
       FROM notification n
       WHERE (state = 'sending' OR (state = 'pending' AND next_at <= now()))
         AND NOT (kind = 'resolved' AND EXISTS (
           SELECT 1 FROM notification e
           WHERE e.alert_id = n.alert_id AND e.channel = n.channel AND e.kind = 'active' AND e.state IN ('pending', 'sending')))
     ), ranked AS (
       SELECT id, free, next_at, row_number() OVER (PARTITION BY tenant, channel ORDER BY free, next_at, id) AS place FROM open
     )
     UPDATE notification SET state = 'sending', attempts = attempts + 1, changed_at = clock_timestamp()
     WHERE id IN (SELECT id FROM ranked WHERE free AND place <= $2 ORDER BY next_at, id LIMIT $1)
     RETURNING id, tenant, alert_id, channel, kind, dedupe_key, body, attempts`,
    [bounds.limit, bounds.perChannel, bounds.orphanMs],
  );
  return rows;
}

export type Outcome =
  | { readonly state: "sent" }
  | { readonly state: "pending"; readonly error: string; readonly delayMs: number }
  | { readonly state: "dead" | "cancelled"; readonly error: string };

/** Only while the send is the last one begun: what another replica took over is that replica's to say. */
export async function finishSend(db: Queryable, claimed: Claimed, outcome: Outcome): Promise<void> {
  await db.query(
    `UPDATE notification SET state = $3, last_error = $4, next_at = now() + $5 * interval '1 millisecond',
       changed_at = clock_timestamp()
     WHERE id = $1 AND state = 'sending' AND attempts = $2`,
    [
      claimed.id,
      claimed.attempts,
      outcome.state,
      outcome.state === "sent" ? "" : outcome.error.slice(0, 500),
      outcome.state === "pending" ? outcome.delayMs : 0,
    ],
  );
}
