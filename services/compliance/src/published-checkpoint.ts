import { type Bus, subjectToken } from "@agentmesh/bus";

// Outside the database, so that who can rewrite the one cannot quietly rewrite the other.
function keyOf(tenant: string): string {
  return `audit_checkpoint.${subjectToken(tenant)}`;
}

export async function publishCheckpoint(bus: Bus, tenant: string, note: string): Promise<void> {
  const kv = await bus.snapshots();
  await kv.put(keyOf(tenant), note);
}

/** The last checkpoint that was published, or undefined where none is (any more). */
export async function publishedCheckpoint(bus: Bus, tenant: string): Promise<string | undefined> {
  const kv = await bus.snapshots();
  return (await kv.get(keyOf(tenant)))?.string() || undefined;
}
