import { newId } from "@agentmesh/ids";
import type { Transaction } from "@agentmesh/postgres";
import type { Context } from "./context.ts";
import type { Alert } from "./domain/alert.ts";
import { type Channel, compileChannel, wants } from "./domain/channel.ts";
import { type AlertChange, decideAlerts } from "./domain/decide-alerts.ts";
import { bodyOf, dedupeKey, type NotificationKind } from "./domain/notification.ts";
import { announce } from "./events/publish.ts";
import { observer } from "./observe.ts";
import type { DeclaredReader } from "./read-declared.ts";
import type { WindowReader } from "./read-windows.ts";
import { forgetAlerts, insertAlerts, liveAlerts, moveAlerts, refreshValues } from "./store/alerts.ts";
import { type Intent, insertIntents, toldChannels } from "./store/notifications.ts";
import { declaredOf } from "./store/resources.ts";

/** Changes of one evaluation; what is beyond comes with the next. */
const MAX_CHANGES = 1000;

/**
 * Looks at all rules of all tenants once. What changes is written in one transaction with its events, its audit entries
 * and what the channels are to be told, and only while this replica holds the lease.
 *
 * @returns whether somebody is to be told
 */
export async function evaluate(
  context: Context,
  read: { readonly declared: DeclaredReader; readonly windows: WindowReader },
  now: Date,
): Promise<boolean> {
  if (!context.lease.held) return false;
  const startedMs = performance.now();
  const { rules, targets } = await read.declared();
  const live = await liveAlerts(context.db);
  const observe = await observer(read.windows, rules, targets, now);
  const { changes, refreshed } = decideAlerts(rules, observe, live, now, newId);
  const due = changes.slice(0, MAX_CHANGES);
  let told = 0;
  if (due.length > 0 || refreshed.length > 0) {
    told = await context.lease.transaction(async (tx) => {
      await refreshValues(tx, refreshed);
      return applyChanges(context, tx, due, now);
    });
  }
  context.metrics.evaluated(performance.now() - startedMs);
  return told > 0;
}

async function applyChanges(
  context: Context,
  tx: Transaction,
  changes: readonly AlertChange[],
  now: Date,
): Promise<number> {
  const begun = changes.filter(({ from }) => from === undefined);
  const moved = changes.filter(({ from, to }) => from !== undefined && to !== "forgotten");
  await insertAlerts(
    tx,
    begun.map(({ alert }) => alert),
  );
  // Somebody may have acknowledged one since it was read: it is looked at again in the next evaluation.
  const ids = await moveAlerts(tx, moved);
  await forgetAlerts(
    tx,
    changes.filter(({ to }) => to === "forgotten").map(({ alert }) => alert.id),
  );
  const written = [...begun, ...moved.filter(({ alert }) => ids.has(alert.id))].map(({ alert }) => alert);
  // Pending is a note of the evaluator's: it becomes news when it lasts.
  const news = written.filter(({ state }) => state !== "pending");
  await announce(tx, news, "system:alerting", now);
  const intents = await intentsOf(context, tx, news);
  await insertIntents(tx, intents);
  tx.afterCommit(() => {
    for (const { state, severity } of news) context.metrics.changed(state, severity);
  });
  return intents.length;
}

async function intentsOf(context: Context, tx: Transaction, alerts: readonly Alert[]): Promise<Intent[]> {
  const active = alerts.filter(({ state }) => state === "active");
  const resolved = alerts.filter(({ state }) => state === "resolved");
  const channels = active.length > 0 ? await channelsOf(context, tx, active) : [];
  const told =
    resolved.length > 0
      ? await toldChannels(
          tx,
          resolved.map(({ id }) => id),
        )
      : [];
  return [
    ...active.flatMap((alert) =>
      channels
        .filter((channel) => channel.tenant === alert.tenant && wants(channel, alert.severity))
        .map((channel) => intent(alert, channel.name, "active")),
    ),
    // Whoever was told that it is active is told that it is not, whatever the channel wants by now.
    ...resolved.flatMap((alert) =>
      told.filter((each) => each.alert_id === alert.id).map((each) => intent(alert, each.channel, "resolved")),
    ),
  ];
}

async function channelsOf(context: Context, tx: Transaction, alerts: readonly Alert[]): Promise<Channel[]> {
  const tenants = [...new Set(alerts.map(({ tenant }) => tenant))];
  return (await declaredOf(tx, tenants, "Channel")).flatMap(({ tenant, name, spec }) => {
    try {
      return [compileChannel(tenant, name, spec)];
    } catch {
      context.log.error({ tenant, name }, "channel not understood and not told; apply it anew");
      return [];
    }
  });
}

function intent(alert: Alert, channel: string, kind: NotificationKind): Intent {
  const key = dedupeKey(alert.id, channel, kind);
  const { tenant, id: alertId } = alert;
  return { id: newId(), tenant, alertId, channel, kind, dedupeKey: key, body: bodyOf(alert, kind, key) };
}
