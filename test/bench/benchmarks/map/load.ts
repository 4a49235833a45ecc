// The same load for the mesh and for its peers.

/** Items that are in work at a time. */
export const concurrency = 200;
/** Outputs that one step of the reduce takes. */
export const batch = 100;

/** A repeat maps at least so many items, by maps one after the other. */
const fewestItems = 3_000;
/** Items before the first measured map of a process, so that code is compiled and pools are open. */
const warmUpItems = 1_000;

export type Load = {
  /** Of one map. */
  readonly items: number;
  /** One after the other in a repeat. */
  readonly maps: number;
  readonly warmUpItems: number;
  /** How long one map may take. */
  readonly withinMs: number;
};

export function loadOf(items: number): Load {
  return {
    items,
    maps: Math.ceil(fewestItems / items),
    warmUpItems,
    withinMs: 60_000 + items * 20,
  };
}

/** What the numbers of a map's items are together: 0, 1, 2, … */
export function sumOf(items: number): number {
  return (items * (items - 1)) / 2;
}

/** Batches in each level of the reduce's tree, from the first to the last, which has one. */
function levels(items: number): number[] {
  const first = Math.ceil(items / batch);
  return first > 1 ? [first, ...levels(first)] : [first];
}

export function levelsOf(items: number): number {
  return levels(items).length;
}

export function batchesOf(items: number): number {
  return levels(items).reduce((sum, batches) => sum + batches, 0);
}
