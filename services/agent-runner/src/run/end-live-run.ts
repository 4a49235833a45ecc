import type { Transaction } from "@agentmesh/postgres";
import type { AgentRunEvent } from "@agentmesh/proto/runner";
import { fenced } from "../durable/runs.ts";
import { deleteLiveRun, releaseLiveRun } from "../store/live-runs.ts";
import { deleteIntents } from "../store/model-call-intents.ts";
import { insertEvents } from "../store/run-events.ts";
import type { Durable } from "./durable.ts";

/**
 * Ends a durable run, or gives it up, in the transaction that stores what became of it.
 *
 * @returns why the end is not to be stored: another replica has the run, or is to have it
 */
export async function endLiveRun(
  tx: Transaction,
  durable: Durable,
  tail: readonly AgentRunEvent[],
): Promise<Error | undefined> {
  const { tenant, id, epoch, isGivenUp } = durable;
  const isOurs = isGivenUp ? await releaseLiveRun(tx, durable) : await deleteLiveRun(tx, durable);
  if (!isOurs) return fenced(id);
  if (tail.length > 0) await insertEvents(tx, { tenant, id, epoch, events: tail });
  await deleteIntents(tx, tenant, id, epoch);
  return isGivenUp ? fenced(id) : undefined;
}
