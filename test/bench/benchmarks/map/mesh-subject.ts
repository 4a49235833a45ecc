import type { NatsConnection } from "@nats-io/transport-node";
import type { Subject } from "../../harness/benchmark.ts";
import type { BenchMesh } from "../../mesh/open-mesh.ts";
import { mapWorkflowName } from "../../mesh/resources.ts";
import { watchEndedRuns } from "../workflow/ended-runs.ts";
import { checkMap } from "./check-map.ts";
import { batch, concurrency, type Load } from "./load.ts";
import { figureOf, measuredMaps } from "./measured-maps.ts";

/** Starts maps at the orchestrator over gRPC and waits until the mesh says that each ended. */
export function meshSubject(bench: BenchMesh, nats: NatsConnection, load: Load): Subject {
  async function run(items: number): Promise<string> {
    const token = await bench.token();
    using ended = watchEndedRuns(nats);
    const input = { list: Array.from({ length: items }, (_, n) => n) };
    const { id } = await bench.orchestrator.startWorkflow({ workflow: mapWorkflowName, input }, { token });
    const { unsuccessful } = await ended.all(new Set([id]), load.withinMs);
    if (unsuccessful > 0) throw new Error(`the run ${id} over ${items} items did not succeed`);
    return id;
  }
  return {
    name: "agentmesh",
    what:
      `a tool step for each item, ${concurrency} at a time, and a gather that takes their outputs by ${batch}, level by ` +
      "level, through orchestrator and agent-runner; each item a row, fenced by an epoch; rss_mb is the orchestrator's",
    async measure() {
      await run(load.warmUpItems);
      const pids = bench.mesh.pids();
      const ids: string[] = [];
      const oneMap = async () => void ids.push(await run(load.items));
      const measured = await measuredMaps(load, oneMap, { pids, keeper: pids.orchestrator ?? 0 });
      let rows = 0;
      let again = 0;
      for (const id of ids) {
        const checked = await checkMap(bench.sql, id, load.items);
        rows = checked.rows;
        again += checked.again;
      }
      return {
        figures: [...measured.figures, figureOf(load, "rows", "rows", rows)],
        notes: [
          ...(measured.notes ?? []),
          `each item was done once and each of their outputs taken once; ${again} were handed out more than once`,
        ],
      };
    },
  };
}
