import type { Queryable } from "@agentmesh/postgres";
import { LRUCache } from "lru-cache";
import type { StepState } from "../domain/run-state.ts";
import { byKey, STEP_HEAD_COLUMNS, type StepRow } from "./step-rows.ts";

/** In which order the items of maps are undone: those in doubt first, then from the one that succeeded last. */
export type UndoOrder = {
  /**
   * The item that is undone next, by its key; empty: all are, or are under way.
   *
   * @param isFinal nothing that can be undone is in work any more, so that the order changes no more and is remembered
   */
  next(tx: Queryable, run: string, nodes: readonly string[], isFinal: boolean): Promise<ReadonlyMap<string, StepState>>;
};

type Place = { readonly node: string; readonly shard: number };

// Finding the order reads all items that are left, so it is found for many of them at once.
const MAX_AHEAD = 500;
// What was begun since the order was read, here or by another replica, is passed by, so many at a time.
const WINDOW = 32;
const MAX_RUNS = 64;

const NONE: ReadonlyMap<string, StepState> = new Map();

export function createUndoOrder(): UndoOrder {
  const ahead = new LRUCache<string, readonly Place[]>({ max: MAX_RUNS });

  async function fromAhead(tx: Queryable, run: string): Promise<ReadonlyMap<string, StepState> | undefined> {
    const known = ahead.get(run);
    if (known?.length === 0) return NONE;
    for (let places = known ?? []; places.length > 0; places = places.slice(WINDOW)) {
      const found = await readFirst(tx, run, places.slice(0, WINDOW));
      const [step] = found.values();
      if (!step) continue;
      ahead.set(run, places.slice(places.findIndex(({ node, shard }) => node === step.node && shard === step.shard)));
      return found;
    }
    ahead.delete(run);
    return undefined;
  }

  return {
    async next(tx, run, nodes, isFinal) {
      const known = isFinal ? await fromAhead(tx, run) : undefined;
      if (known) return known;
      const places = await readOrder(tx, run, nodes, isFinal ? MAX_AHEAD : 1);
      if (isFinal) ahead.set(run, places);
      return places.length > 0 ? readFirst(tx, run, places.slice(0, 1)) : NONE;
    },
  };
}

async function readOrder(tx: Queryable, run: string, nodes: readonly string[], limit: number): Promise<Place[]> {
  const { rows } = await tx.query<Place>(
    `SELECT node, shard FROM step s
     WHERE run = $1 AND node = ANY($2::text[]) AND shard > 0
       AND (state IN ('succeeded', 'in_doubt') OR (NOT live AND detail::text LIKE '%"uncertain":true%'))
       AND NOT EXISTS (SELECT 1 FROM step u WHERE u.run = s.run AND u.node = s.node || '~undo' AND u.shard = s.shard)
     ORDER BY state <> 'succeeded' DESC, done_seq DESC, ended_at DESC NULLS LAST, shard DESC LIMIT $3`,
    [run, nodes, limit],
  );
  return rows;
}

/** The first of some items whose undo was not begun, with its output. */
async function readFirst(
  tx: Queryable,
  run: string,
  places: readonly Place[],
): Promise<ReadonlyMap<string, StepState>> {
  // Subqueries and no joins, for each place is to be looked up by its key, whatever the planner knows of the table.
  const { rows } = await tx.query<StepRow>(
    `SELECT s.* FROM unnest($2::text[], $3::int[]) WITH ORDINALITY AS a (node, shard, nth)
     CROSS JOIN LATERAL (
       SELECT ${STEP_HEAD_COLUMNS}, output FROM step WHERE run = $1 AND node = a.node AND shard = a.shard OFFSET 0
     ) AS s
     WHERE (SELECT u.epoch FROM step u WHERE u.run = $1 AND u.node = a.node || '~undo' AND u.shard = a.shard) IS NULL
     ORDER BY nth LIMIT 1`,
    [run, places.map((place) => place.node), places.map((place) => place.shard)],
  );
  return byKey(rows);
}
