import type { ByteVector } from "./quantise.ts";
import { type Block, ROWS_PER_BLOCK, type VectorArena } from "./vector-arena.ts";

export type Neighbour = { readonly id: string; readonly cosine: number };

/** The vectors of one partition. Search is exact: it looks at every one of them. */
export type VectorIndex = {
  /** Replaces what has the same id. @returns false: the arena is full */
  set(id: string, vector: ByteVector): boolean;
  delete(id: string): void;
  has(id: string): boolean;
  /** The nearest, nearest first. */
  search(query: ByteVector, count: number): Neighbour[];
  readonly size: number;
  /** Gives its memory back to the arena. */
  clear(): void;
};

export function createVectorIndex(arena: VectorArena): VectorIndex {
  const rows = new Map<string, number>();
  const ids: string[] = [];
  const scales: number[] = [];
  const blocks: Block[] = [];

  function blockOf(row: number): Block {
    const block = blocks[Math.floor(row / ROWS_PER_BLOCK)];
    if (!block) throw new RangeError(`row ${row} of an index of ${ids.length}`);
    return block;
  }

  function appendRow(): number | undefined {
    const row = ids.length;
    if (row === blocks.length * ROWS_PER_BLOCK) {
      const block = arena.allocate();
      if (!block) return undefined;
      blocks.push(block);
    }
    return row;
  }

  function freeSpareBlock(): void {
    if (ids.length > (blocks.length - 1) * ROWS_PER_BLOCK) return;
    const spare = blocks.pop();
    if (spare) arena.free(spare);
  }

  return {
    set(id, { bytes, scale }) {
      const row = rows.get(id) ?? appendRow();
      if (row === undefined) return false;
      rows.set(id, row);
      ids[row] = id;
      scales[row] = scale;
      arena.write(blockOf(row), row % ROWS_PER_BLOCK, bytes);
      return true;
    },
    delete(id) {
      const row = rows.get(id);
      if (row === undefined) return;
      const last = ids.length - 1;
      const lastId = ids[last] ?? id;
      // The last row fills the gap, so that a scan meets no hole.
      arena.copy(blockOf(last), last % ROWS_PER_BLOCK, blockOf(row), row % ROWS_PER_BLOCK);
      ids[row] = lastId;
      scales[row] = scales[last] ?? 0;
      rows.set(lastId, row);
      rows.delete(id);
      ids.pop();
      scales.pop();
      freeSpareBlock();
    },
    has: (id) => rows.has(id),
    search(query, count) {
      const nearest: { row: number; cosine: number }[] = [];
      arena.setQuery(query);
      for (const [index, block] of blocks.entries()) {
        const first = index * ROWS_PER_BLOCK;
        const dots = arena.scan(block, Math.min(ROWS_PER_BLOCK, ids.length - first));
        for (let at = 0; at < dots.length; at++) {
          const cosine = (dots[at] ?? 0) * (scales[first + at] ?? 0) * query.scale;
          keepNearest(nearest, first + at, cosine, count);
        }
      }
      return nearest.map(({ row, cosine }) => ({ id: ids[row] ?? "", cosine }));
    },
    get size() {
      return ids.length;
    },
    clear() {
      for (const block of blocks.splice(0)) arena.free(block);
      rows.clear();
      ids.length = 0;
      scales.length = 0;
    },
  };
}

/** `nearest` is sorted and short: where a row belongs is found by stepping. */
function keepNearest(nearest: { row: number; cosine: number }[], row: number, cosine: number, count: number): void {
  const last = nearest.at(-1);
  if (nearest.length === count && last && cosine <= last.cosine) return;
  let at = nearest.length;
  while (at > 0 && (nearest[at - 1]?.cosine ?? 0) < cosine) at -= 1;
  nearest.splice(at, 0, { row, cosine });
  if (nearest.length > count) nearest.pop();
}
