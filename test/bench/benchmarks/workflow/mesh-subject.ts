import type { NatsConnection } from "@nats-io/transport-node";
import type { Subject } from "../../harness/benchmark.ts";
import { inFlight } from "../../harness/in-flight.ts";
import { withCount } from "../../harness/with-count.ts";
import type { BenchMesh } from "../../mesh/open-mesh.ts";
import { payload, stepIds, workflowName } from "../../mesh/resources.ts";
import { watchEndedRuns } from "./ended-runs.ts";
import { concurrency, endWithinMs, warmUpWorkflows, workflows } from "./load.ts";
import { measuredRun } from "./measured-run.ts";

export type MeshOptions = {
  /** Finished runs that were stored before. */
  readonly stored: number;
  readonly orchestrators: number;
};

/** Starts workflows at the orchestrator over gRPC and waits until the mesh says that they ended, all by success. */
export function meshSubject(bench: BenchMesh, nats: NatsConnection, { stored, orchestrators }: MeshOptions): Subject {
  let started = 0;
  async function run(count: number): Promise<void> {
    const token = await bench.token();
    using ended = watchEndedRuns(nats);
    const ids = new Set<string>();
    await inFlight(count, concurrency, async () => {
      const { id } = await bench.orchestrator.startWorkflow({ workflow: workflowName, input: payload }, { token });
      ids.add(id);
    });
    if (ids.size !== count) throw new Error(`${count} starts gave ${ids.size} runs`);
    const { unsuccessful } = await ended.all(ids, endWithinMs);
    if (unsuccessful > 0) throw new Error(`${unsuccessful} of ${count} runs did not succeed`);
    started += count;
  }
  return {
    name: orchestrators > 1 ? `agentmesh-${orchestrators}` : "agentmesh",
    what:
      "three tool steps through orchestrator and agent-runner (state, events and audit in PostgreSQL, work over " +
      "JetStream and with the answer to the result before, fenced by epochs), the other six services running" +
      (orchestrators > 1 ? `; ${orchestrators} replicas of the orchestrator` : "") +
      (stored > 0 ? `; ${stored} runs stored before` : ""),
    async measure() {
      await run(warmUpWorkflows);
      const cpuMetric = stored === 0 ? "cpu_ms" : withCount("cpu_ms", stored);
      const measured = await measuredRun(() => run(workflows), bench.mesh.pids(), cpuMetric);
      const steps = await checkSteps(bench, started);
      return { ...measured, notes: [...(measured.notes ?? []), steps] };
    },
  };
}

/** Not of time but of truth: each run and each of its steps counted once, however often it was handed out. */
async function checkSteps(bench: BenchMesh, started: number): Promise<string> {
  const { rows } = await bench.sql.query<{ runs: number; steps: number; again: number }>(
    `SELECT count(DISTINCT run)::int AS runs, count(*)::int AS steps, (count(*) FILTER (WHERE epoch > 1))::int AS again
     FROM orchestrator.step WHERE state = 'succeeded' AND ended_at > now() - interval '12 hours'`,
  );
  const { runs = 0, steps = 0, again = 0 } = rows[0] ?? {};
  if (runs !== started || steps !== started * stepIds.length) {
    throw new Error(`${started} runs were started; the database has ${runs} with ${steps} succeeded steps`);
  }
  return `so far ${runs} runs with ${steps} succeeded steps, ${again} of them handed out more than once`;
}
