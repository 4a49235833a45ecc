import { describeError } from "@agentmesh/errors";
import type { TokenVerifier } from "@agentmesh/identity";
import type { Context } from "../context.ts";
import { every } from "../every.ts";
import { readOwned, releaseLiveRun, takeOrphans } from "../store/live-runs.ts";
import { deleteOldReplicas, deleteReplica, renewReplica } from "../store/replicas.ts";
import { createSubjectTokens } from "../work/subject-tokens.ts";
import { cancelled, fenced, type LocalRun } from "./runs.ts";
import { takeOver } from "./take-over.ts";

// At a time, so that what one dead replica leaves behind does not fill the pools of the living.
const MAX_TAKEN = 20;
const WORK = "looking after durable runs";
const BEATS_A_LEASE = 4;
// The part of a lease before whose end nothing may have an effect any more: clocks and pauses differ.
const SAFETY = 0.2;
// Replicas are looked after less often than runs.
const BEATS_A_CLEANING = 20;

/**
 * Keeps this replica's name alive, finds runs whose replica is dead, and forgets replicas long gone. On the way down runs get
 * `drainMs` to end; then they are given up for another replica to begin anew, unless they have had an effect already.
 */
export async function keepRunning(context: Context, tokens: TokenVerifier): Promise<AsyncDisposable> {
  const { db, durable, config, log } = context;
  const { leaseMs, sweepMs } = config.runs;
  const subjects = createSubjectTokens(context, tokens);
  let isOver = false;
  let beats = 0;
  let missing = new Set<string>();
  let taken = 0;

  async function renew(): Promise<void> {
    const sentAtMs = performance.now();
    await renewReplica(db, durable.replicaId, leaseMs);
    // Frozen for longer than the lease, it has its name again, but others may have its runs.
    const isLate = performance.now() > durable.heldUntilMs + leaseMs * SAFETY;
    if (isLate) for (const run of durable.local.values()) run.abort.abort(fenced(run.id));
    durable.heldUntilMs = sentAtMs + leaseMs * (1 - SAFETY);
  }

  async function beat(): Promise<void> {
    await renew();
    const owned = new Map((await readOwned(db, durable.replicaId)).map((row) => [row.id, row]));
    for (const run of durable.local.values()) {
      const row = owned.get(run.id);
      if (row?.cancelled) run.abort.abort(cancelled());
      // One that began or ended while we asked is told apart by being missed twice.
      else if (!row && missing.has(run.id)) run.abort.abort(fenced(run.id));
    }
    for (const row of owned.values()) {
      if (!durable.local.has(row.id) && missing.has(row.id)) await releaseLiveRun(db, row);
    }
    missing = new Set(
      [...durable.local.keys(), ...owned.keys()].filter((id) => !(durable.local.has(id) && owned.has(id))),
    );
    context.measured.runsLive(durable.local.size);
    beats += 1;
    if (beats % BEATS_A_CLEANING === 0) await deleteOldReplicas(db);
  }

  async function sweep(): Promise<void> {
    if (taken >= MAX_TAKEN) return;
    const rows = await db.transaction((tx) => takeOrphans(tx, durable.replicaId, MAX_TAKEN - taken));
    for (const row of rows) {
      log.info({ runId: row.id, epoch: row.epoch }, "agent run taken over");
      taken += 1;
      const ended = context.inFlight.track(takeOver(context, subjects, row)).catch((error) => {
        const reason = describeError(error);
        log.warn({ runId: row.id, reason }, "a run that was taken over did not end; it is swept again");
      });
      void ended.finally(() => {
        taken -= 1;
      });
    }
  }

  await renew();
  const beating = every(leaseMs / BEATS_A_LEASE, WORK, beat, log);
  const sweeping = every(sweepMs, WORK, () => (isOver ? Promise.resolve() : sweep()), log);
  return {
    async [Symbol.asyncDispose]() {
      isOver = true;
      await sweeping.stop();
      await giveUp(context);
      await beating.stop();
      // Whatever is left has no owner from now on. A database that is away forgets us when the lease ends.
      await deleteReplica(db, durable.replicaId).catch(() => undefined);
    },
  };
}

const LOOK_AGAIN_MS = 50;

async function giveUp({ durable, config }: Context): Promise<void> {
  const untilMs = Date.now() + config.worker.drainMs;
  const isHeld = () => [...durable.local.values()].some((run) => run.hadEffect);
  while (durable.local.size > 0 && Date.now() < untilMs) await new Promise((next) => setTimeout(next, LOOK_AGAIN_MS));
  for (const run of durable.local.values()) if (!run.hadEffect) abandon(run);
  // Those that had an effect have until the process is ended.
  while (isHeld()) await new Promise((next) => setTimeout(next, LOOK_AGAIN_MS));
}

function abandon(run: LocalRun): void {
  run.isGivenUp = true;
  run.abort.abort(fenced(run.id));
}
