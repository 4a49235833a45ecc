import type { NatsConnection } from "@nats-io/transport-node";
import type { Subject } from "../../harness/benchmark.ts";
import { inFlight } from "../../harness/in-flight.ts";
import type { BenchMesh } from "../../mesh/open-mesh.ts";
import { payload, workflowName } from "../../mesh/resources.ts";
import { watchEndedRuns } from "./ended-runs.ts";
import { concurrency, endWithinMs, warmUpWorkflows, workflows } from "./load.ts";
import { measuredRun } from "./measured-run.ts";

/** Starts workflows at the orchestrator over gRPC and waits until the mesh says that they ended, all by success. */
export function meshSubject(bench: BenchMesh, nats: NatsConnection, stored: number): Subject {
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
  }
  return {
    name: "agentmesh",
    what:
      "three tool steps through orchestrator and agent-runner (state, events and audit in PostgreSQL, work over " +
      `JetStream, claims fenced by epochs), the other six services running${stored > 0 ? `; ${stored} runs stored before` : ""}`,
    async measure() {
      await run(warmUpWorkflows);
      const measured = await measuredRun(() => run(workflows), bench.mesh.pids(), cpuMetric(stored));
      const steps = await countSteps(bench);
      return { ...measured, notes: [...(measured.notes ?? []), steps] };
    },
  };
}

/** `cpu_ms`, or with stored runs `cpu_ms_10k`, `cpu_ms_1m`. */
function cpuMetric(stored: number): string {
  if (stored === 0) return "cpu_ms";
  return stored % 1_000_000 === 0 ? `cpu_ms_${stored / 1_000_000}m` : `cpu_ms_${stored / 1_000}k`;
}

/** Not of time but of truth: each step counted once, however often it was handed out. */
async function countSteps(bench: BenchMesh): Promise<string> {
  const { rows } = await bench.sql.query<{ runs: number; steps: number; again: number }>(
    `SELECT count(DISTINCT run)::int AS runs, count(*)::int AS steps, (count(*) FILTER (WHERE epoch > 1))::int AS again
     FROM orchestrator.step WHERE state = 'succeeded' AND ended_at > now() - interval '1 hour'`,
  );
  const [row] = rows;
  return `so far ${row?.runs} runs with ${row?.steps} succeeded steps, ${row?.again} of them handed out more than once`;
}
