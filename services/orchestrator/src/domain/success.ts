import type { SuccessSpec } from "./spec/step-parts.ts";

/** How many of `total` must succeed. Default: all. 0.67 of 3 is 2, for 2 / 3 rounds to it. */
export function needed(success: SuccessSpec | undefined, total: number): number {
  if (success?.count !== undefined) return success.count;
  const share = success?.share;
  if (share === undefined) return total;
  let k = Math.max(0, Math.floor((share - 0.01) * total));
  while (k < total && Math.round((k / total) * 100) / 100 < share) k++;
  return k;
}
