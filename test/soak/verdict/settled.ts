// After the load: what has to come to rest does, within a bound; what does not is a problem.
import { eventually } from "@agentmesh/harness";
import type pg from "pg";
import type { SoakMesh } from "../mesh/open-soak-mesh.ts";
import { readMetrics } from "../watch/read-metrics.ts";

const restWithinMs = 60_000;

/** Rows that are there only while something is under way. */
const passing = [
  ["live runs", "SELECT count(*) FROM agent_runner.live_run"],
  ["holds", "SELECT count(*) FROM cost.hold"],
  ["events in the outbox of agent-runner", "SELECT count(*) FROM agent_runner.outbox"],
] as const;

/** @returns what did not come to rest, for people */
export async function awaitRest({ mesh, upstream }: SoakMesh, sql: pg.Pool): Promise<string[]> {
  const waits = [
    ...passing.map(([what, query]) => rest(what, async () => Number((await sql.query(query)).rows[0]?.count))),
    rest("requests to the upstream", async () => upstream.open()),
    ...mesh.services.map(({ name, adminUrl }) =>
      rest(`spans of ${name}`, async () => {
        const { spansStarted, spansEnded } = await readMetrics(adminUrl);
        return spansStarted - spansEnded;
      }),
    ),
  ];
  return (await Promise.all(waits)).flatMap((problem) => problem ?? []);
}

/** Waits for a count to be 0 once. */
async function rest(what: string, count: () => Promise<number>): Promise<string | undefined> {
  let left = Number.NaN;
  const isAtRest = async () => {
    left = await count();
    return left === 0;
  };
  try {
    await eventually(isAtRest, { what, timeoutMs: restWithinMs });
    return undefined;
  } catch {
    return `${left} ${what} are still open ${restWithinMs / 1000} s after the load`;
  }
}
