import { AppError } from "@agentmesh/errors";
import type { AgentRunEvent } from "@agentmesh/proto/runner";
import type { Context } from "../context.ts";
import { readLiveRun } from "../store/live-runs.ts";
import { readEvents, readLastSeq } from "../store/run-events.ts";
import { readRun } from "../store/runs.ts";

export type Followed = {
  readonly tenant: string;
  readonly runId: string;
  readonly afterSeq: number;
  readonly signal: AbortSignal;
};

const PAGE = 500;
// Between looks at the database when no hint comes.
const POLL_MS = 1_000;

/** The events of a run after a cursor until its end, wherever it runs and whoever takes it over. */
export async function* followRun(context: Context, followed: Followed): AsyncGenerator<AgentRunEvent> {
  const { tenant, runId, signal } = followed;
  using listener = context.durable.hub.listen(tenant, runId);
  let cursor = followed.afterSeq;
  let news = "timeout";
  for (;;) {
    signal.throwIfAborted();
    let events = listener.take(cursor);
    if (events.length === 0) {
      events = await readEvents(context.db, { tenant, id: runId, afterSeq: cursor, limit: PAGE });
    }
    for (const event of events) {
      yield event;
      cursor = event.seq;
      if (event.event?.$case === "ended") return;
    }
    if (events.length === 0 && news === "timeout" && !(await readLiveRun(context.db, tenant, runId))) {
      const end = await endOf(context, followed, cursor);
      if (end === "more") continue;
      if (end) yield end;
      return;
    }
    if (events.length === PAGE) continue;
    news = await listener.wait(POLL_MS, signal);
  }
}

/** Of a run that is under way no more: the reader has seen it all, or its events are gone and its record tells. */
async function endOf(
  { db }: Context,
  { tenant, runId }: Followed,
  cursor: number,
): Promise<AgentRunEvent | "more" | undefined> {
  const lastSeq = await readLastSeq(db, tenant, runId);
  if (lastSeq > cursor) return "more";
  const run = await readRun(db, tenant, runId);
  if (!run) {
    throw new AppError("NOT_FOUND", `agent run ${runId} does not exist`, { reason: "RUN_NOT_FOUND", field: "id" });
  }
  return lastSeq > 0 ? undefined : { runId, seq: cursor + 1, event: { $case: "ended", value: run } };
}
