import type { FaultMesh } from "../mesh/fault-mesh.ts";
import type { DrivenRun } from "./driver.ts";

/** How many of the driver's runs have ended; also while PostgreSQL is away, then as many as before. */
export function watchEnds({ sql }: FaultMesh) {
  let ended = 0;
  return {
    get ended() {
      return ended;
    },
    async look(runs: readonly DrivenRun[]): Promise<void> {
      try {
        const { rows } = await sql.query<{ count: string }>(
          "SELECT count(*) FROM orchestrator.run WHERE dedupe_key = ANY($1) AND ended_at IS NOT NULL",
          [runs.map(({ mark }) => mark)],
        );
        ended = Number(rows[0]?.count);
      } catch {
        // It is killed now and then.
      }
    },
  };
}
