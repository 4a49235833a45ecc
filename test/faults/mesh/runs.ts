// Starts runs and tells what became of them, from what is stored: no reply that a fault may have eaten is trusted.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { eventually } from "@agentmesh/harness";
import type { Applied } from "../effects/effect-book.ts";
import type { FaultMesh } from "./fault-mesh.ts";

/** `mark` is in the input of the run, and in every effect that it asks for. */
export type StartedRun = { readonly id: string; readonly mark: string };

export type StoredStep = {
  readonly node: string;
  readonly shard: number;
  readonly state: string;
  readonly epoch: number;
  readonly attempt: number;
  readonly takeovers: number;
};

export type EndedRun = {
  readonly state: string;
  readonly version: number;
  readonly output: unknown;
  readonly failure: { readonly code: string } | null;
  readonly steps: ReadonlyMap<string, StoredStep>;
  /** What happened in it, in order, as people see it. */
  readonly events: readonly string[];
};

const endsWithinMs = 45_000;

/** Starts one, at whichever replica takes it: asked again with the same key until it answers. */
export async function startRun(
  { orchestrators, token }: FaultMesh,
  workflow: string,
  input: object = {},
  mark: string = randomUUID(),
): Promise<StartedRun> {
  const signedIn = await token();
  let asked = 0;
  const run = await eventually(
    async () => {
      const client = orchestrators[asked++ % orchestrators.length];
      return client?.startWorkflow({ workflow, input: { ...input, mark }, dedupeKey: mark }, { token: signedIn });
    },
    { what: `the start of ${workflow}` },
  );
  return { id: run.id, mark };
}

export async function endOf({ sql }: FaultMesh, { id }: StartedRun, timeoutMs = endsWithinMs): Promise<EndedRun> {
  const row = await eventually(
    async () => {
      const { rows } = await sql.query<Omit<EndedRun, "steps" | "events"> & { ended_at: Date | null }>(
        "SELECT state, version, output, failure, ended_at FROM orchestrator.run WHERE id = $1",
        [id],
      );
      return rows[0]?.ended_at && rows[0];
    },
    { what: `the end of run ${id}`, timeoutMs },
  );
  return { ...row, steps: await stepsOf(sql, id), events: await eventsOf(sql, id) };
}

async function stepsOf(sql: FaultMesh["sql"], id: string): Promise<Map<string, StoredStep>> {
  const { rows } = await sql.query<StoredStep>(
    "SELECT node, shard, state, epoch, attempt, takeovers FROM orchestrator.step WHERE run = $1",
    [id],
  );
  return new Map(rows.map((row) => [row.shard === 0 ? row.node : `${row.node}#${row.shard}`, row]));
}

async function eventsOf(sql: FaultMesh["sql"], id: string): Promise<string[]> {
  const { rows } = await sql.query<{ events: readonly { type: string; node?: string }[] }>(
    "SELECT events FROM orchestrator.run_event WHERE run = $1 ORDER BY seq, at",
    [id],
  );
  return rows.flatMap(({ events }) => events.map(({ type, node }) => (node ? `${type} ${node}` : type)));
}

/** It ended once and so, each of these effects happened once and in this order, and nothing is left open. */
export async function assertOnce(
  mesh: FaultMesh,
  run: StartedRun,
  effects: readonly string[],
  state: "succeeded" | "failed" | "cancelled" = "succeeded",
): Promise<EndedRun> {
  const ended = await endOf(mesh, run);
  assert.equal(ended.state, state, JSON.stringify(ended.failure));
  assert.equal(ended.events.filter((type) => type === `run.${state}`).length, 1);
  assert.deepEqual(stepsDone(mesh.effects.book.applied(run.mark)), effects);
  const counted = ended.events.filter((event) => event.startsWith("step.succeeded "));
  assert.equal(new Set(counted).size, counted.length, `a step counted twice: ${counted.join(", ")}`);
  await assertOneRun(mesh, run);
  await assertOneHistory(mesh, run);
  await assertNothingOpen(mesh, run);
  return ended;
}

export function stepsDone(applied: readonly Applied[]): string[] {
  return applied.map(({ step }) => step);
}

async function assertOneRun({ sql }: FaultMesh, { mark }: StartedRun): Promise<void> {
  const { rowCount } = await sql.query("SELECT 1 FROM orchestrator.run WHERE dedupe_key = $1", [mark]);
  assert.equal(rowCount, 1, "asked for again and again, it is one run");
}

/** Two advances that both went on from the same state would both have written what comes after it. */
export async function assertOneHistory({ sql }: FaultMesh, { id }: StartedRun): Promise<void> {
  const { rows } = await sql.query(
    "SELECT seq FROM orchestrator.run_event WHERE run = $1 GROUP BY seq HAVING count(*) > 1",
    [id],
  );
  assert.deepEqual(rows, [], `run ${id} has two histories`);
}

/** No step of an ended run may still be worked on, asked for, waited for or told of. */
export async function assertNothingOpen({ sql }: FaultMesh, { id }: StartedRun): Promise<void> {
  const { rows } = await sql.query<{ what: string }>(
    `SELECT 'step ' || node || '#' || shard || ' ' || state AS what FROM orchestrator.step
       WHERE run = $1 AND state NOT IN ('succeeded', 'failed', 'skipped', 'cancelled')
     UNION ALL SELECT 'approval ' || node FROM orchestrator.approval WHERE run = $1 AND state = 'pending'
     UNION ALL SELECT 'wait ' || node FROM orchestrator.event_wait WHERE run = $1
     UNION ALL SELECT 'signal ' || kind FROM orchestrator.run_signal WHERE run = $1
     UNION ALL SELECT 'child ' || id FROM orchestrator.run WHERE parent_run = $1 AND ended_at IS NULL`,
    [id],
  );
  assert.deepEqual(rows, []);
}
