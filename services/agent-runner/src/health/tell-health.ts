import { emitAll } from "@agentmesh/bus";
import type { Database } from "@agentmesh/postgres";
import { agentHealthChangedEvent, providerHealthChangedEvent } from "@agentmesh/proto/runner.contract";
import { deleteUnhealthy, insertUnhealthy, type UnhealthyRow } from "../store/unhealthy.ts";
import type { HealthChange } from "./watch-health.ts";

/**
 * Publishes what changed, to each tenant it concerns. All replicas probe; the table of what is not well makes one event of
 * what they all see. Where they see different things the last one counts.
 *
 * @param tenantsOf those whose agents use a provider
 */
export async function tellHealth(
  db: Database,
  changes: readonly HealthChange[],
  tenantsOf: (provider: string) => readonly string[],
  at: Date,
): Promise<void> {
  const sick = changes.filter(({ healthy }) => !healthy);
  const rows = sick.flatMap(({ kind, tenant, name, reason }) =>
    (kind === "provider" ? tenantsOf(name) : [tenant]).map((each) => ({ tenant: each, kind, name, reason })),
  );
  const well = changes.filter(({ healthy }) => healthy);
  await db.transaction(async (tx) => {
    const recovered = await deleteUnhealthy(tx, well);
    const fell = await insertUnhealthy(tx, rows, at);
    const news = [
      ...recovered.map((row) => ({ ...row, healthy: true, reason: "" })),
      ...fell.map((row) => ({ ...row, healthy: false })),
    ];
    const of = (kind: UnhealthyRow["kind"]) => news.filter((each) => each.kind === kind);
    await emitAll(
      tx,
      providerHealthChangedEvent,
      of("provider").map(({ tenant, name, healthy, reason }) => ({
        tenant,
        data: { provider: name, healthy, reason, at },
      })),
    );
    await emitAll(
      tx,
      agentHealthChangedEvent,
      of("agent").map(({ tenant, name, healthy, reason }) => ({ tenant, data: { agent: name, healthy, reason, at } })),
    );
  });
}
