import type { Bus } from "@agentmesh/bus";
import { AppError } from "@agentmesh/errors";
import { newId } from "@agentmesh/ids";
import { type Database, type GroupCommit, groupCommit } from "@agentmesh/postgres";
import type { Logger } from "@agentmesh/telemetry";
import { readLiveRun } from "../store/live-runs.ts";
import { type IntentRow, insertIntents } from "../store/model-call-intents.ts";
import { appendEvents, type EventBatch } from "../store/run-events.ts";
import { openRunHub, type RunHub } from "./hub.ts";
import { openSessionTurns, type SessionTurns } from "./session-turns.ts";

/** A durable run in this process. */
export type LocalRun = {
  readonly tenant: string;
  readonly id: string;
  readonly epoch: number;
  readonly abort: AbortController;
  hadEffect: boolean;
  isGivenUp: boolean;
};

/** What durable runs of this process share. */
export type DurableRuns = AsyncDisposable & {
  /** This process, as the owner of runs; another one each time it starts. */
  readonly replicaId: string;
  readonly local: Map<string, LocalRun>;
  /** Until when nobody takes its runs over, by the clock of `performance.now()`; moved on by each heartbeat. */
  heldUntilMs: number;
  readonly hub: RunHub;
  readonly turns: SessionTurns;
  readonly append: GroupCommit<EventBatch, "stored" | "fenced">;
  readonly intend: GroupCommit<IntentRow, true>;
};

export function openDurableRuns({ bus, db, log }: { bus: Bus; db: Database; log: Logger }): DurableRuns {
  const local = new Map<string, LocalRun>();

  async function look(runId: string): Promise<void> {
    const run = local.get(runId);
    if (!run) return;
    const row = await readLiveRun(db, run.tenant, run.id);
    if (row?.cancelled && row.epoch === run.epoch) run.abort.abort(cancelled());
  }

  const hub = openRunHub(bus, (runId) => {
    // The heartbeat looks again.
    look(runId).catch((error) => log.debug({ runId, error }, "a hint was not followed"));
  });
  const turns = openSessionTurns(bus);
  return {
    replicaId: newId(),
    local,
    heldUntilMs: 0,
    hub,
    turns,
    append: groupCommit({
      name: "agent run events",
      concurrency: 2,
      async commit(batches) {
        const stored = await appendEvents(db, batches);
        return batches.map(({ id }) => (stored.has(id) ? "stored" : "fenced"));
      },
    }),
    intend: groupCommit({
      name: "model call intents",
      concurrency: 2,
      async commit(rows) {
        await insertIntents(db, rows);
        return rows.map(() => true as const);
      },
    }),
    async [Symbol.asyncDispose]() {
      await hub[Symbol.asyncDispose]();
      await turns[Symbol.asyncDispose]();
    },
  };
}

export function cancelled(): AppError {
  return new AppError("CANCELLED", "the run was cancelled by request", { reason: "CANCELLED" });
}

export function fenced(runId: string): AppError {
  return new AppError("CONFLICT", `agent run ${runId} was taken over by another replica; read on there`, {
    reason: "FENCED",
  });
}
