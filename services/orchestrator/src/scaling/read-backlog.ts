import { type Bus, WORK_STREAM } from "@agentmesh/bus";
import type { Queryable } from "@agentmesh/postgres";
import { measureBacklog, type QueueClass } from "../store/backlog.ts";

/** What waits and what is worked on, each counted up to a bound. */
export type Backlog = {
  /** Steps ready and not sent, by priority. */
  readonly byPriority: readonly QueueClass[];
  /** Steps that are sent and that no runner took; for how long the oldest has been. */
  readonly unclaimed: number;
  readonly unclaimedMs: number;
  /** Runs whose time had come and that no orchestrator looked at; how late the latest is. */
  readonly lateRuns: number;
  readonly lateMs: number;
  /** Steps that runners work on, and how many runners those are. */
  readonly running: number;
  readonly workers: number;
};

const MAX_COUNTED = 10_000;
const MAX_DUE_RUNS = 10_000;
// Two sweeps of the default: what is younger is not late, it is next.
const LATE_AFTER_MS = 2_000;

/** @param leaseMs the longest lease of a step */
export async function readBacklog(db: Queryable, bus: Bus, leaseMs: number): Promise<Backlog> {
  const [byPriority, late, running, { state }] = await Promise.all([
    measureBacklog(db, MAX_COUNTED),
    readLate(db),
    readRunning(db, leaseMs),
    bus.jsm.streams.info(WORK_STREAM),
  ]);
  const sentMs = state.messages === 0 ? Number.NaN : Date.now() - Date.parse(state.first_ts);
  return {
    byPriority,
    unclaimed: state.messages,
    unclaimedMs: Number.isFinite(sentMs) ? Math.max(0, sentMs) : 0,
    lateRuns: late.runs,
    lateMs: late.oldest_ms,
    running: running.steps,
    workers: running.workers,
  };
}

async function readLate(db: Queryable): Promise<{ runs: number; oldest_ms: number }> {
  const { rows } = await db.query<{ runs: number; oldest_ms: number }>(
    `SELECT count(*)::int AS runs, coalesce(extract(epoch FROM now() - min(wake_at)) * 1000, 0)::float8 AS oldest_ms
     FROM (SELECT wake_at FROM run WHERE wake_at < now() - $2::int * interval '1 millisecond' LIMIT $1) AS late`,
    [MAX_COUNTED, LATE_AFTER_MS],
  );
  return rows[0] ?? { runs: 0, oldest_ms: 0 };
}

// Steps have no index by state, which would cost every claim and result. A run with a leased step is due before the lease
// ends, and leads to its steps by key; one with many shards by those that are live. The laterals keep the planner from
// reading all steps that ever were.
async function readRunning(db: Queryable, leaseMs: number): Promise<{ steps: number; workers: number }> {
  const { rows } = await db.query<{ steps: number; workers: number }>(
    `SELECT count(*)::int AS steps, count(DISTINCT s.worker)::int AS workers
     FROM (SELECT id, light FROM run WHERE wake_at < now() + $2::int * interval '1 millisecond' LIMIT $1) AS due,
     LATERAL (
       SELECT worker FROM step WHERE run = due.id AND NOT due.light AND state = 'running' AND lease_until > now()
       UNION ALL
       SELECT worker FROM step WHERE run = due.id AND due.light AND live AND state = 'running' AND lease_until > now()
     ) AS s`,
    [MAX_DUE_RUNS, leaseMs],
  );
  return rows[0] ?? { steps: 0, workers: 0 };
}
