import type { Draft, Tally } from "./draft.ts";
import { cancelStep } from "./ending.ts";
import { countEnded } from "./shards.ts";
import { driveMap } from "./steps/map.ts";
import { driveReduce } from "./steps/reduce.ts";

/** Lets the heads of maps and gathers take into account what ended of their shards. */
export function driveShards(draft: Draft): void {
  const { touched } = draft;
  if (!touched) return;
  // A head that releases shards whose input cannot be made is touched again, and comes up again here.
  for (const [node, ended] of touched) {
    touched.delete(node);
    driveHead(draft, node, ended);
  }
}

function driveHead(draft: Draft, node: string, ended: Tally): void {
  const head = draft.steps.get(node);
  const planned = draft.plan.byId.get(node);
  if (!planned || head?.state !== "waiting" || !head.detail.counts) return;
  const counted = countEnded(draft, head, head.detail.counts, ended);
  const counts = counted.detail.counts ?? head.detail.counts;
  const { spec } = planned;
  if (draft.run.phase !== "running" || counted.detail.notNeeded) {
    if (counts.open <= 0) cancelStep(draft, counted);
  } else if (spec.kind === "map") driveMap(draft, planned, spec, counted, counts);
  else if (spec.kind === "gather") driveReduce(draft, planned, spec, counted, counts);
}
